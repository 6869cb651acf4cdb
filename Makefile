# `make train` and `make test` do all of their own set-up.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SOURCES = $(shell find csrc metal python cmake CMakeLists.txt pyproject.toml -type f \
            -not -name '*.so' -not -name '*.pyi' -not -path '*/_lib/*' \
            -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: train test install lint clean

# Trains a small network on the handwritten digits of scikit-learn.
train: $(VENV)/.installed
	$(BIN)/python examples/digits.py $(ARGS)

# Runs the test suite.
test: $(VENV)/.installed
	$(BIN)/python -m pytest $(ARGS)

install: $(VENV)/.installed

$(VENV)/.installed: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet ".[test]"
	touch $@

# Formats nothing: says what pre-commit would change.
lint:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet pre-commit
	$(BIN)/pre-commit run --all-files --show-diff-on-failure

clean:
	rm -rf $(VENV) build
