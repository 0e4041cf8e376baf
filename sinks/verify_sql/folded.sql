-- One row a case: its events in order (`story`), and what docs/lifecycle.md says of the case as a whole.
gathered AS (
    SELECT
        subject AS case_id,
        groupArray(CAST(
            (version, source, id, corrects, own_time, replaces, kind, at, agency, service, channel, due, ok, online,
                apology, e_result, satisfied, amount, digitised, reused)
            AS Tuple(version UInt64, source String, id String, corrects Bool, own_time Int64, replaces String,
                kind Enum8('none' = 0, 'submitted' = 1, 'accepted' = 2, 'refused' = 3, 'withdrawn' = 4,
                    'supplement_requested' = 5, 'supplemented' = 6, 'payment_due' = 7, 'paid' = 8, 'paused' = 9,
                    'resumed' = 10, 'rescheduled' = 11, 'transferred' = 12, 'finished' = 13, 'returned' = 14,
                    'digitised' = 15, 'rated' = 16, 'synced' = 17),
                at Int64, agency String, service String, channel String, due Int64, ok Bool, online Bool, apology Bool,
                e_result Bool, satisfied Bool, amount Int64, digitised Int64, reused Int64))) AS records
    FROM parsed
    GROUP BY subject
),
distinct_events AS (
    -- The first recorded of each identity counts: lowest version within (source, id).
    SELECT
        case_id,
        arrayCompact(e -> (e.source, e.id), arraySort(e -> (e.source, e.id, e.version), records)) AS known,
        arrayFilter(e -> e.corrects, known) AS corrections
    FROM gathered
),
ordered AS (
    -- Of corrections naming the same event the greatest by (time, id) counts; a named event is left out.
    SELECT
        case_id,
        length(known) AS facts,
        arraySort(e -> (e.at, e.source, e.id), if(empty(corrections), known, arrayFilter(e -> if(e.corrects,
            e.kind != 'none' AND NOT arrayExists(c -> c.source = e.source AND c.replaces = e.replaces
                AND (c.own_time, c.id) > (e.own_time, e.id), corrections),
            NOT arrayExists(c -> c.source = e.source AND c.replaces = e.id, corrections)), known))) AS story
    FROM distinct_events
),
placed AS (
    SELECT
        case_id, facts, story,
        story.kind AS kinds,
        indexOf(story.kind, 'submitted') AS first_submitted,
        indexOf(story.kind, 'accepted') AS first_accepted,
        arrayFirstIndex(k -> k IN ('refused', 'withdrawn', 'finished', 'returned'), story.kind) AS closing
    FROM ordered
),
begun AS (
    SELECT
        *,
        story[first_accepted] AS a,
        story[first_submitted] AS s,
        if(a.due != 0, a.due, s.due) AS initial_due,
        story.at[closing] AS closed_ms,
        kinds[closing] AS end_kind,
        if(closing = 0, story, arraySlice(story, 1, closing)) AS living
    FROM placed
),
named AS (
    WITH
        code -> if(startsWith(code, '000.00.'),
            replaceRegexpOne(code, '^000\\.00\\.([0-9]{2,3})\\.(H[0-9]{2})$', '\\2.\\1'), code) AS one_agency,
        code -> replaceRegexpOne(code, '^([0-9]+\\.[0-9]+)\\.[0-9]{3}\\.[0-9]{2}\\.[0-9]{2,3}\\.H[0-9]{2}$', '\\1')
            AS one_service
    SELECT
        case_id, facts, story, kinds, first_submitted, first_accepted, closing, initial_due, closed_ms, end_kind,
        s.at AS submitted_ms,
        a.at AS accepted_ms,
        one_agency(multiIf(a.agency != '', a.agency, s.agency != '', s.agency, 'unknown')) AS first_agency,
        -- After each event, the agency in force.
        arrayPopFront(arrayFill(x -> x != '', arrayConcat([first_agency],
            arrayMap(e -> if(e.kind = 'transferred', one_agency(e.agency), ''), story)))) AS agencies,
        one_service(multiIf(a.service != '', a.service, s.service != '', s.service, 'unknown')) AS service,
        multiIf(a.channel != '', a.channel, s.channel != '', s.channel, 'unknown') AS channel,
        toUInt16(countEqual(living.kind, 'supplement_requested')) AS supplements,
        -- What touches the clock: (time, reasons that begin, reasons that stay, new due date). Reasons: 1 papers,
        -- 2 payment, 4 stop; whatever closes the case ends all.
        arrayMap(e -> (e.at,
            toUInt8(multiIf(e.kind = 'supplement_requested', 1, e.kind = 'payment_due', 2, e.kind = 'paused', 4, 0)),
            toUInt8(multiIf(e.kind = 'supplemented', 6, e.kind = 'paid', 5, e.kind = 'resumed', 3,
                e.kind IN ('refused', 'withdrawn', 'finished', 'returned'), 0, 7)),
            if(e.kind = 'rescheduled', e.due, 0)),
            arrayFilter(e -> e.kind IN ('supplement_requested', 'supplemented', 'payment_due', 'paused', 'resumed',
                'rescheduled', 'refused', 'withdrawn', 'finished', 'returned') OR (e.kind = 'paid' AND e.ok), living)
        ) AS touches
    FROM begun
),
clocked AS (
    SELECT
        *,
        -- (reasons that stand, paused since, waited, due)
        arrayFold((z, t) -> (
                bitOr(bitAnd(z.1, t.3), t.2),
                if((z.1 = 0 AND t.2 != 0) OR (z.1 != 0 AND t.4 != 0), t.1, z.2),
                if(z.1 != 0 AND (bitAnd(z.1, t.3) = 0 OR t.4 != 0), z.3 + t.1 - z.2, z.3),
                multiIf(t.4 != 0, t.4, z.4 != 0 AND z.1 != 0 AND bitAnd(z.1, t.3) = 0, z.4 + t.1 - z.2, z.4)),
            touches, (toUInt8(0), toInt64(0), toInt64(0), initial_due)) AS z
    FROM named
),
folded AS (
    SELECT
        case_id, facts, story, kinds, first_submitted, first_accepted, closing, initial_due, submitted_ms, accepted_ms,
        closed_ms, agencies, service, channel, supplements,
        z.1 AS pauses, z.3 AS waited_ms, z.4 AS due_ms,
        if(empty(agencies), first_agency, agencies[-1]) AS last_agency,
        multiIf(end_kind = 'refused', 'refused', end_kind = 'withdrawn', 'withdrawn', closing != 0, 'finished',
            first_accepted != 0, if(pauses != 0, 'paused', 'open'), first_submitted != 0, 'waiting', 'unknown') AS status
    FROM clocked
)
