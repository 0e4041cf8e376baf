-- The tables of the spine. Placeholders: {db} database, {on_cluster}, and the engines {replacing}, {replacing_version}
-- and {replacing_next}: ReplacingMergeTree, without a version column, by `version`, by `next` (Replicated on a cluster).
--
-- A version is generation * 2^44 + offset: it orders all records a partition ever had, for a
-- topic that was created anew (offsets from 0) has a higher generation. 2^44 offsets are 17 trillion records.

-- Which topic ids were seen, in order: a topic created anew gets the next generation.
CREATE TABLE IF NOT EXISTS {db}.topics {on_cluster} (
    topic String,
    topic_id String,
    generation UInt32,
    first_seen DateTime64(3, 'UTC')
) ENGINE = {replacing} ORDER BY (topic, topic_id);

-- Every accepted record as it came, duplicates included: what `ioc verify` and rebuilds fold.
CREATE TABLE IF NOT EXISTS {db}.events {on_cluster} (
    topic LowCardinality(String),
    partition UInt16,
    version UInt64,
    offset UInt64 ALIAS bitAnd(version, 17592186044415),
    kind LowCardinality(String),
    case_id String,
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    broker_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    raw String CODEC(ZSTD(1)),
    INDEX by_case case_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_broker_time broker_time TYPE minmax GRANULARITY 1
) ENGINE = {replacing}
PARTITION BY toYear(time)
ORDER BY (topic, partition, version)
SETTINGS index_granularity = 8192;

-- A case's counts, summed by cell and Kafka partition. Cells of different partitions are added up when queried.
CREATE TABLE IF NOT EXISTS {db}.cells {on_cluster} (
    partition UInt16,
    measure LowCardinality(String),
    bucket DateTime('Asia/Ho_Chi_Minh') CODEC(Delta, ZSTD),
    agency LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    value Int64 CODEC(T64, ZSTD),
    version UInt64 CODEC(Delta, ZSTD),
    INDEX by_version version TYPE minmax GRANULARITY 1
) ENGINE = {replacing_version}
PARTITION BY toYYYYMM(bucket)
ORDER BY (measure, agency, bucket, service, channel, partition);

-- One row a case: its state in columns for people, its events in compact form for the fold. Times in ms, 0 = none.
CREATE TABLE IF NOT EXISTS {db}.cases {on_cluster} (
    partition UInt16,
    case_id String,
    agency LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    status LowCardinality(String),
    submitted_ms Int64,
    accepted_ms Int64,
    due_ms Int64,
    closed_ms Int64,
    waited_ms Int64,
    supplements UInt16,
    facts String CODEC(ZSTD(1)),
    clock Int64,
    version UInt64,
    submitted_at Nullable(DateTime64(3, 'Asia/Ho_Chi_Minh')) ALIAS if(submitted_ms = 0, NULL, fromUnixTimestamp64Milli(submitted_ms)),
    accepted_at Nullable(DateTime64(3, 'Asia/Ho_Chi_Minh')) ALIAS if(accepted_ms = 0, NULL, fromUnixTimestamp64Milli(accepted_ms)),
    due Nullable(DateTime64(3, 'Asia/Ho_Chi_Minh')) ALIAS if(due_ms = 0, NULL, fromUnixTimestamp64Milli(due_ms)),
    closed_at Nullable(DateTime64(3, 'Asia/Ho_Chi_Minh')) ALIAS if(closed_ms = 0, NULL, fromUnixTimestamp64Milli(closed_ms)),
    INDEX by_version version TYPE minmax GRANULARITY 1
) ENGINE = {replacing_version}
ORDER BY (partition, case_id);

-- Stocks as of a partition's ticks; a row only where a stock changed, earlier versions kept as its history.
CREATE TABLE IF NOT EXISTS {db}.stocks {on_cluster} (
    partition UInt16,
    measure LowCardinality(String),
    agency LowCardinality(String),
    service LowCardinality(String),
    value Int64,
    version UInt64,
    INDEX by_version version TYPE minmax GRANULARITY 1
) ENGINE = {replacing}
ORDER BY (measure, agency, service, partition, version);

-- The newest of each stock, for the wall asks every second and the history above grows with every batch.
CREATE TABLE IF NOT EXISTS {db}.stocks_now {on_cluster} (
    partition UInt16,
    measure LowCardinality(String),
    agency LowCardinality(String),
    service LowCardinality(String),
    value Int64,
    version UInt64
) ENGINE = {replacing_version}
ORDER BY (measure, agency, service, partition);

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.stocks_to_now {on_cluster} TO {db}.stocks_now
AS SELECT partition, measure, agency, service, value, version FROM {db}.stocks;

-- Partition p reached tick T (ms) at this version; every stock of p up to it is as of T.
CREATE TABLE IF NOT EXISTS {db}.ticks {on_cluster} (
    partition UInt16,
    tick Int64,
    version UInt64
) ENGINE = {replacing}
ORDER BY (partition, version);

-- How far each partition has been written: everything before `next` is in all tables.
CREATE TABLE IF NOT EXISTS {db}.progress {on_cluster} (
    topic LowCardinality(String),
    partition UInt16,
    next UInt64,
    events UInt64,
    watermark_ms Int64,
    written_at DateTime64(3, 'UTC')
) ENGINE = {replacing_next}
ORDER BY (topic, partition);

-- What was refused: the record as it came, where it lay and why.
CREATE TABLE IF NOT EXISTS {db}.dead_letters {on_cluster} (
    topic LowCardinality(String),
    partition UInt16,
    version UInt64,
    offset UInt64 ALIAS bitAnd(version, 17592186044415),
    reason LowCardinality(String),
    detail String,
    key String,
    raw String CODEC(ZSTD(1)),
    broker_time DateTime64(3, 'UTC')
) ENGINE = {replacing}
ORDER BY (topic, partition, version);

-- Dead letters that were sent again, by whom and when.
CREATE TABLE IF NOT EXISTS {db}.dead_letter_retries {on_cluster} (
    topic LowCardinality(String),
    partition UInt16,
    version UInt64,
    retried_at DateTime64(3, 'UTC')
) ENGINE = {replacing}
ORDER BY (topic, partition, version);
