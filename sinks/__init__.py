"""ClickHouse: schema and migrations, writer, state reader, queries, verification, dead letters, metrics."""
