-- Case rows of one partition, recomputed and stored, side by side.
WITH {parsed}, {folded}
SELECT
    count() AS checked,
    countIf(want != have) AS differences,
    groupArrayIf(20)(CAST((case_id, toJSONString(want), toJSONString(have)) AS Tuple(case_id String, recomputed String,
        stored String)), want != have) AS examples
FROM (
    SELECT
        case_id, groupArrayIf(state, expected) AS want, groupArrayIf(state, NOT expected) AS have
    FROM (
        SELECT
            case_id,
            CAST((last_agency, service, channel, status, submitted_ms, accepted_ms, due_ms, closed_ms, waited_ms,
                supplements, facts) AS Tuple(agency String, service String, channel String, status String,
                submitted_ms Int64, accepted_ms Int64, due_ms Int64, closed_ms Int64, waited_ms Int64, supplements UInt16,
                facts UInt64)) AS state,
            true AS expected
        FROM folded
        UNION ALL
        SELECT
            case_id,
            CAST((agency, service, channel, status, submitted_ms, accepted_ms, due_ms, closed_ms, waited_ms, supplements,
                countSubstrings(facts, '\n') + toUInt64(facts != '')) AS Tuple(agency String, service String,
                channel String, status String, submitted_ms Int64, accepted_ms Int64, due_ms Int64, closed_ms Int64,
                waited_ms Int64, supplements UInt16, facts UInt64)),
            false
        FROM cases FINAL
        WHERE partition = {partition:UInt16} AND cityHash64(case_id) % {slices:UInt32} = {slice:UInt32}
    )
    GROUP BY case_id
)
