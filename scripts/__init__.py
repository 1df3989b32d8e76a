"""Commands around the project: set-up, screenshots, benchmarks."""
