# Two commands do everything: `make demo` and `make test`. Each makes .venv when there is none.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check

.PHONY: demo desktop test test-package test-train test-qt test-docs check bench eval docs links dist clean

demo: $(VENV)/demo.done
	$(PY) samples/demo.py demo
	@echo "open demo/index.html"

test: check
	$(BIN)/pytest -n auto

# torch is pinned here so that CI takes a build for the CPU; users choose theirs.
test-train: $(VENV)/test.done
	$(PIP) install --quiet torch==2.13.0 -e '.[train]'
	$(BIN)/pytest tests_train imgedit/training

# Apart from `make test`, since Qt needs libraries of the system; the first line says which are missing.
test-qt: $(VENV)/test.done
	$(PIP) install --quiet -e '.[test-qt]'
	$(PY) -c "import imgedit.qt"
	$(BIN)/pytest -p pytestqt.plugin tests_qt imgedit/qt

# The small editor of samples/desktop: make desktop PHOTO=my.jpg
desktop: $(VENV)/qt.done
	$(PY) samples/desktop $(PHOTO)

# Builds sdist and wheel, and installs the wheel in an empty environment: minutes, and the network.
test-package: $(VENV)/test.done
	$(BIN)/pytest -m slow tests/test_package.py

check: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/test.done $(VENV)/bench.done
	$(PY) -m benchmarks

# Every model of DATA/onnx and every shipped net through its verb on real photos: eval/index.html.
DATA ?= ../shared/data
eval: $(VENV)/demo.done
	$(PY) -m benchmarks.evaluation $(DATA) eval
	@echo "open eval/index.html"

docs: $(VENV)/docs.done
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# The manual in a real browser: needs Debian's chromium and chromium-driver.
test-docs: docs $(VENV)/test.done
	$(BIN)/pytest tests_docs

# What the manual says of the web, asked on the web.
links: $(VENV)/docs.done
	$(BIN)/sphinx-build -b linkcheck -D plot_gallery=0 docs docs/_build/links

dist: $(VENV)/test.done
	$(PY) -m build

clean:
	rm -rf $(VENV) build dist demo eval docs/_build docs/gallery docs/choices/pictures imgedit.egg-info

# One stamp an environment: the demo needs the plain package only, the rest adds its extra to the same .venv.
$(VENV)/demo.done: EXTRA :=
$(VENV)/test.done: EXTRA := [test]
$(VENV)/bench.done: EXTRA := [bench]
$(VENV)/docs.done: EXTRA := [docs]
$(VENV)/qt.done: EXTRA := [qt]
$(VENV)/%.done: setup.cfg
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -e '.$(EXTRA)'
	@$(PY) -c "import cv2" || { echo; \
	  echo "OpenCV is installed but can't be loaded. On Debian or Ubuntu: apt-get install libgl1 libglib2.0-0 libxcb1"; \
	  echo "Without a screen: $(PIP) uninstall opencv-python && $(PIP) install opencv-python-headless"; exit 1; }
	@touch $@
