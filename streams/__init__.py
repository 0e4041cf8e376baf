"""The Faust worker: record batches, case lifecycle, aggregation, ticks."""
