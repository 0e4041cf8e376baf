-- Cells of one partition, recomputed and stored, side by side. Zero is the same as absent.
WITH {parsed}, {folded},
told AS (
    SELECT
        e, i, agency, service, channel, kinds, first_submitted, first_accepted, closing, initial_due, due_ms,
        accepted_ms, waited_ms, supplements,
        closing = 0 OR i <= closing AS living,
        -- The outcome, where this event ends the case as finished.
        i = closing AND e.kind IN ('finished', 'returned') AS ends,
        multiIf(due_ms = 0, 'finished_no_due', e.at > due_ms, 'finished_late',
            intDiv(e.at + 25200000, 86400000) < intDiv(due_ms + 25200000, 86400000), 'finished_early',
            'finished_on_time') AS outcome,
        first_accepted != 0 AND accepted_ms <= e.at AS handled
    FROM folded
    ARRAY JOIN story AS e, agencies AS agency, arrayEnumerate(story) AS i
),
counted AS (
    SELECT
        toInt64(intDiv(e.at, 3600000)) AS hour, agency, service, channel,
        arrayJoin(arrayConcat(
            multiIf(
                e.kind = 'submitted', if(i = first_submitted, [('submitted', toInt64(1))], []),
                e.kind = 'accepted', if(i = first_accepted,
                    [('received', toInt64(1)), ('received_no_due', toInt64(initial_due = 0))], []),
                e.kind = 'refused', [('refused', toInt64(i = closing))],
                e.kind = 'withdrawn', [('withdrawn', toInt64(i = closing))],
                e.kind = 'supplement_requested', [('supplement_requests', toInt64(living))],
                e.kind = 'payment_due', [('fee_due', toInt64(living AND i = indexOf(kinds, 'payment_due')))],
                e.kind = 'paid', if(e.ok,
                    [('payments', toInt64(1)), ('payments_amount', e.amount), ('payments_online', toInt64(e.online)),
                        ('payments_online_amount', if(e.online, e.amount, 0))],
                    [('payment_failures', toInt64(1))]),
                e.kind = 'rescheduled', [('rescheduled', toInt64(living)),
                    ('rescheduled_no_apology', toInt64(living AND NOT e.apology))],
                e.kind = 'transferred', [('transferred', toInt64(1))],
                e.kind = 'returned', [('returned', toInt64(i = indexOf(kinds, 'returned')))],
                e.kind = 'digitised', [('papers', e.amount), ('papers_digitised', e.digitised),
                    ('papers_reused', e.reused), ('cases_digitised', toInt64(i = indexOf(kinds, 'digitised')))],
                e.kind = 'rated', [('ratings', toInt64(1)), ('ratings_satisfied', toInt64(e.satisfied))],
                e.kind = 'synced', [('synced', toInt64(i = indexOf(kinds, 'synced')))],
                []),
            if(ends, [('finished', toInt64(1)), (outcome, toInt64(1)),
                ('finished_on_time_766', toInt64(due_ms != 0 AND e.at <= due_ms AND supplements <= 1)),
                ('finished_e_result', toInt64(e.kind = 'finished' AND e.e_result)),
                ('handled', toInt64(handled)),
                ('handling_seconds', if(handled, intDiv(greatest(0, e.at - accepted_ms - waited_ms), 1000), 0))], [])
        )) AS count
    FROM told
)
SELECT
    count() AS checked,
    countIf(want != have) AS differences,
    groupArrayIf(20)(CAST((measure, toString(toDateTime(hour * 3600, 'Asia/Ho_Chi_Minh')), agency, service, channel, want,
        have) AS Tuple(measure String, hour String, agency String, service String, channel String, recomputed Int64,
        stored Int64)), want != have) AS examples
FROM (
    SELECT
        measure, hour, agency, service, channel,
        sumIf(number, expected) AS want, sumIf(number, NOT expected) AS have
    FROM (
        SELECT count.1 AS measure, hour, agency, service, channel, count.2 AS number, true AS expected
        FROM counted WHERE count.2 != 0
        UNION ALL
        SELECT toString(measure), intDiv(toInt64(toUnixTimestamp(bucket)), 3600), toString(agency), toString(service),
            toString(channel), value, false
        FROM cells FINAL WHERE partition = {partition:UInt16}
    )
    GROUP BY measure, hour, agency, service, channel
)
