"""``python -m imgedit``: the command line."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from imgedit.cli import run

    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing left to stop but the exit code
    sys.exit(code)


if __name__ == "__main__":
    main()
