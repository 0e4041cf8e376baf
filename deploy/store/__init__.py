"""The store: one process that owns the ClickHouse engine (chDB) on disk and speaks ClickHouse's HTTP interface.

Workers, the wall, Grafana and clickhouse-connect's ordinary client see a ClickHouse server on loopback. Each module is
one step of a request: `users` (who asks), `statements` (what is asked), `engine` (have it done), `compression` (of
bodies both ways), `errors` (what went wrong, as ClickHouse says it), `http` (the rim), `metrics` (names documented
there). Every request gets its own engine connection, which costs 0.3 ms, so no setting, database or parameter of one
request can leak into another, and a slow statement never holds up a quick one.
"""
