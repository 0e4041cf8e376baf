-- Every stored record read from its raw bytes alone. A correction carries what it puts in place: `kind`, `at` and the
-- fields are the replacement's ('none' when it withdraws), `own_time` is its own. Times in ms since 1970 UTC, 0 = none.
-- Each step is a subquery of its own, for the analyser copies an alias's whole expression to wherever it is used.
extracted AS (
    SELECT
        version,
        JSONExtract(raw, 'Tuple(id String, source String, subject String, type String, time String, data Tuple(
            agency String, service String, channel String, due String, amount Int64, ok Nullable(Bool), online Bool,
            apology Bool, e_result Bool, papers Int64, digitised Int64, reused Int64, satisfied Bool, replaces String,
            event Tuple(type String, time String, data Tuple(
                agency String, service String, channel String, due String, amount Int64, ok Nullable(Bool), online Bool,
                apology Bool, e_result Bool, papers Int64, digitised Int64, reused Int64, satisfied Bool))))') AS r
    FROM events
    WHERE partition = {partition:UInt16} AND cityHash64(case_id) % {slices:UInt32} = {slice:UInt32}
),
chosen AS (
    SELECT
        version, r.id AS id, r.source AS source, r.subject AS subject, r.data.replaces AS replaces,
        r.time AS own_time_text,
        r.type = 'vn.gov.ioc.case.corrected.v1' AS corrects,
        if(corrects, r.data.event.type, r.type) AS type,
        if(corrects, r.data.event.time, r.time) AS time_text,
        if(corrects, r.data.event.data.agency, r.data.agency) AS agency,
        if(corrects, r.data.event.data.service, r.data.service) AS service,
        if(corrects, r.data.event.data.channel, r.data.channel) AS channel,
        if(corrects, r.data.event.data.due, r.data.due) AS due_text,
        if(corrects, r.data.event.data.amount, r.data.amount) AS amount,
        ifNull(if(corrects, r.data.event.data.ok, r.data.ok), true) AS ok,
        if(corrects, r.data.event.data.online, r.data.online) AS online,
        if(corrects, r.data.event.data.apology, r.data.apology) AS apology,
        if(corrects, r.data.event.data.e_result, r.data.e_result) AS e_result,
        if(corrects, r.data.event.data.papers, r.data.papers) AS papers,
        if(corrects, r.data.event.data.digitised, r.data.digitised) AS digitised,
        if(corrects, r.data.event.data.reused, r.data.reused) AS reused,
        if(corrects, r.data.event.data.satisfied, r.data.satisfied) AS satisfied
    FROM extracted
),
kinds_known AS (
    SELECT *,
        CAST(toInt8(indexOf([
            'vn.gov.ioc.case.submitted.v1', 'vn.gov.ioc.case.accepted.v1', 'vn.gov.ioc.case.refused.v1',
            'vn.gov.ioc.case.withdrawn.v1', 'vn.gov.ioc.case.supplement_requested.v1',
            'vn.gov.ioc.case.supplemented.v1', 'vn.gov.ioc.case.payment_due.v1', 'vn.gov.ioc.case.paid.v1',
            'vn.gov.ioc.case.paused.v1', 'vn.gov.ioc.case.resumed.v1', 'vn.gov.ioc.case.rescheduled.v1',
            'vn.gov.ioc.case.transferred.v1', 'vn.gov.ioc.case.finished.v1', 'vn.gov.ioc.case.returned.v1',
            'vn.gov.ioc.case.digitised.v1', 'vn.gov.ioc.case.rated.v1', 'vn.gov.ioc.case.synced.v1'], type)) AS Enum8(
            'none' = 0, 'submitted' = 1, 'accepted' = 2, 'refused' = 3, 'withdrawn' = 4, 'supplement_requested' = 5,
            'supplemented' = 6, 'payment_due' = 7, 'paid' = 8, 'paused' = 9, 'resumed' = 10, 'rescheduled' = 11,
            'transferred' = 12, 'finished' = 13, 'returned' = 14, 'digitised' = 15, 'rated' = 16, 'synced' = 17)
        ) AS kind,
        type IN ('vn.gov.ioc.case.submitted.v1', 'vn.gov.ioc.case.accepted.v1') AS begins
    FROM chosen
),
parsed AS (
    WITH
        -- RFC 3339 allows small t and z; a fraction finer than a microsecond is rounded to one, then cut to a millisecond.
        text -> intDiv(intDiv(toUnixTimestamp64Nano(parseDateTime64BestEffortOrZero(upper(text), 9, 'UTC')) + 500, 1000),
            1000) AS ms
    SELECT
        version, id, source, subject, corrects, replaces, kind, ok, online, apology, e_result, satisfied,
        ms(own_time_text) AS own_time,
        ms(time_text) AS at,
        -- A field the kind does not have may be present and means nothing.
        if(begins OR kind = 'transferred', agency, '') AS agency,
        if(begins, service, '') AS service,
        if(begins, channel, '') AS channel,
        if(begins OR kind = 'rescheduled', ms(due_text), 0) AS due,
        if(kind = 'digitised', papers, amount) AS amount,
        digitised, reused
    FROM kinds_known
)
