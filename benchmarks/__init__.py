"""Benches: measured figures against the bars, never asserted in tests."""
