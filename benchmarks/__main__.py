"""Run all benchmark modules, or those named: ``python -m benchmarks geometry blend``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks import harness

available = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))
names = sys.argv[1:] or available
if unknown := sorted(set(names) - set(available)):
    sys.exit(f"no benchmark {', '.join(unknown)}; there are: {', '.join(available)}")
for name in names:
    module = importlib.import_module(f"benchmarks.bench_{name}")
    harness.save(name, module.TITLE, module.ABOUT, module.rows())
harness.write_page()
