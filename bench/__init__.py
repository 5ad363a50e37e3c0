"""Benchmarks beside the limits they run against: `make bench`, explained in docs/benchmarks.md."""
