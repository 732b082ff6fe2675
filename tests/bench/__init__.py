"""Benchmarks: each answers a named question with a ratio measured in one run. Never part of CI."""
