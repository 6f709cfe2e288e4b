"""``python -m imgedit``: the command line."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from imgedit.cli import INTERRUPTED, run

    code = INTERRUPTED
    try:
        code = run(sys.argv[1:])
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        pass  # there was nothing left to stop but the exit code
    sys.exit(code)


if __name__ == "__main__":
    main()
