"""Speed and memory beside the peers: ``python -m benchmarks [NAME ...]``, table in docs/benchmarks.md."""
