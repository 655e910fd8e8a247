"""The commands around the asv suite in `benchmarks/benchmarks/` (README.md)."""
