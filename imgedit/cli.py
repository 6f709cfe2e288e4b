"""The command line."""

from __future__ import annotations


def run(arguments: list[str]) -> int:
    """Run the command line and give its exit code."""
    raise NotImplementedError(arguments)
