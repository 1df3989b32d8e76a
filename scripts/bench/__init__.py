"""Benchmarks of the path, each figure beside its floor; `make bench` runs them."""
