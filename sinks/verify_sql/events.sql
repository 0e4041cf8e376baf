-- Stored records of one partition; those differ whose columns do not say what their raw bytes say.
SELECT
    count() AS checked,
    countIf(differs) AS differences,
    groupArrayIf(20)(CAST((version, case_id, subject, kind, type, toString(time), time_text) AS Tuple(version UInt64,
        case_id String, raw_subject String, kind String, raw_type String, time String, raw_time String)), differs)
        AS examples
FROM (
    SELECT
        version, case_id, kind, time,
        JSONExtract(raw, 'Tuple(subject String, type String, time String)') AS r,
        r.subject AS subject, r.type AS type, r.time AS time_text,
        subject != case_id OR type != concat('vn.gov.ioc.case.', kind, '.v1') OR toUnixTimestamp64Milli(time) != intDiv(
            intDiv(toUnixTimestamp64Nano(parseDateTime64BestEffortOrZero(upper(time_text), 9, 'UTC')) + 500, 1000), 1000)
            AS differs
    FROM events FINAL
    WHERE partition = {partition:UInt16}
)
