# The two commands that matter: `make demo` opens the viewer, `make test` checks everything.
# Both create their own virtual environment in .venv and install the versions in constraints.txt.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# The desktop build has an environment of its own. On Linux, PyPI's torch brings several GB of CUDA;
# TORCH_INDEX=https://download.pytorch.org/whl/cpu has the build without. TORCH names other versions
# than constraints.txt does.
PACKAGE_VENV ?= .venv-package
TORCH_INDEX ?=
TORCH ?=
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports pytest benchmarks package try-package clean

help:
	@echo "make demo             install, then open the viewer on the shipped demo cases"
	@echo "make demo ARGS=...    the same with arguments, e.g. ARGS=\"--screenshot demo.png\" or a folder"
	@echo "make test             lint, types, import rules and the whole test suite"
	@echo "make benchmarks       timings as ratios against named peers"
	@echo "make package          the desktop build, a folder dist/saliscope (docs/packaging.md)"
	@echo "make try-package      start the desktop build, and report its size and start times"

$(BIN)/.runtime: pyproject.toml constraints.txt
	sh scripts/python.sh "$(PYTHON)" "$(VENV)"
	@echo "Installing Saliscope and its libraries into $(VENV) (once; several GB with torch)"
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(BIN)/.development: $(BIN)/.runtime
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: $(BIN)/.runtime
	@sh scripts/system-libraries.sh viewer $(BIN)/python
	$(BIN)/python -m viewer $(ARGS)

test: lint types imports pytest

lint: $(BIN)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.development
	$(BIN)/mypy

imports: $(BIN)/.development
	$(BIN)/lint-imports

pytest: $(BIN)/.development
	@sh scripts/system-libraries.sh tests $(BIN)/python
	$(BIN)/python -m pytest -n 2 $(ARGS)

benchmarks: $(BIN)/.development
	$(BIN)/python -m pytest tests/benchmarks -s -p no:xdist --override-ini norecursedirs= $(ARGS)

$(PACKAGE_VENV)/bin/.package: pyproject.toml constraints.txt
	sh scripts/python.sh "$(PYTHON)" "$(PACKAGE_VENV)"
	sh scripts/package-environment.sh "$(PACKAGE_VENV)/bin/python" "$(TORCH_INDEX)" "$(TORCH)"
	@touch $@

package: $(PACKAGE_VENV)/bin/.package
	@sh scripts/system-libraries.sh viewer $(PACKAGE_VENV)/bin/python
	$(PACKAGE_VENV)/bin/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build \
		desktop/saliscope.spec

try-package:
	$(PACKAGE_VENV)/bin/python scripts/try_package.py dist/saliscope $(ARGS)

clean:
	rm -rf $(VENV) $(PACKAGE_VENV) build dist *.egg-info
