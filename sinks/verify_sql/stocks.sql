-- Stocks of one partition as of its last tick, recomputed and stored, side by side.
WITH {parsed}, {folded},
standing AS (
    SELECT
        last_agency AS agency, service,
        arrayJoin(multiIf(
            closing != 0, [],
            first_accepted = 0, if(first_submitted != 0, ['waiting'], []),
            pauses != 0, ['open', 'open_paused'],
            due_ms = 0, ['open', 'open_no_due'],
            due_ms < {tick:Int64}, ['open', 'open_late'],
            due_ms < {tick:Int64} + 86400000, ['open', 'open_due_24h'],
            ['open'])) AS measure
    FROM folded
)
SELECT
    count() AS checked,
    countIf(want != have) AS differences,
    groupArrayIf(20)(CAST((measure, agency, service, want, have) AS Tuple(measure String, agency String, service String,
        recomputed Int64, stored Int64)), want != have) AS examples
FROM (
    SELECT measure, agency, service, sumIf(number, expected) AS want, sumIf(number, NOT expected) AS have
    FROM (
        SELECT measure, agency, service, toInt64(1) AS number, true AS expected FROM standing
        UNION ALL
        SELECT toString(measure), toString(agency), toString(service), argMax(value, version), false
        FROM stocks WHERE partition = {partition:UInt16} GROUP BY measure, agency, service
    )
    GROUP BY measure, agency, service
)
