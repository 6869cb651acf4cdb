# `make train` and `make test` do all of their own set-up.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SOURCES = $(shell find csrc metal python cmake CMakeLists.txt pyproject.toml -type f \
            -not -name '*.so' -not -name '*.pyi' -not -path '*/_lib/*' \
            -not -path '*/__pycache__/*' 2>/dev/null)

# The Metal backend on Linux: built by clang, run by the software Metal.
METAL_VENV ?= .venv-metal
METAL_BIN = $(METAL_VENV)/bin
SOFTMETAL = $(CURDIR)/build/softmetal
CLANGXX ?= $(firstword $(foreach c,clang++-19 clang++-18 clang++-17 clang++, \
             $(shell command -v $(c) 2>/dev/null)))

# What runs on the GPU as it stands, next to the tests made for it.
METAL_TESTS = $(wildcard tests/test_metal*.py) $(addprefix tests/test_,$(addsuffix .py, \
  rules optimizers optimizer_grad optimizer_kinds step step_memory step_trees clip init \
  random normalize losses layers))

.PHONY: train test test-metal install lint clean

# Trains a small network on the handwritten digits of scikit-learn.
train: $(VENV)/.installed
	$(BIN)/python examples/digits.py $(ARGS)

# Runs the test suite.
test: $(VENV)/.installed
	$(BIN)/python -m pytest $(ARGS)

# Runs kernels and host code of the GPU against the CPU, on the software Metal.
test-metal: $(METAL_VENV)/.installed
	$(METAL_BIN)/python -m pytest $(METAL_TESTS) $(ARGS)
	$(METAL_BIN)/python examples/digits.py --epochs 2 --out build/digits-metal

install: $(VENV)/.installed

$(VENV)/.installed: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet ".[test]"
	touch $@

$(METAL_VENV)/.installed: $(SOURCES) $(shell find tests/softmetal -type f \
    -not -path '*/__pycache__/*' 2>/dev/null)
	test -n "$(CLANGXX)" || (echo "test-metal: clang++ must be installed" && false)
	test -x $(METAL_BIN)/python || $(PYTHON) -m venv $(METAL_VENV)
	$(METAL_BIN)/python -m pip install --quiet --upgrade pip
	$(METAL_BIN)/python -m pip install --quiet cmake ninja
	$(METAL_BIN)/cmake -G Ninja -S tests/softmetal -B $(SOFTMETAL) \
	  -DCMAKE_MAKE_PROGRAM=$(abspath $(METAL_BIN))/ninja \
	  -DCMAKE_CXX_COMPILER=$(CLANGXX) \
	  -DINGOT_METAL_CPP="$$($(METAL_BIN)/python cmake/metal_cpp.py)"
	$(METAL_BIN)/cmake --build $(SOFTMETAL) --target softmetal
	CXX=$(CLANGXX) $(METAL_BIN)/python -m pip install --quiet ".[test]" \
	  -Ccmake.define.INGOT_METAL=soft -Ccmake.define.INGOT_SOFTMETAL=$(SOFTMETAL)
	touch $@

# Formats nothing: says what pre-commit would change.
lint:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet pre-commit
	$(BIN)/pre-commit run --all-files --show-diff-on-failure

# The wheel for macOS on arm64, built on Linux; needs Debian's lld-19.
.PHONY: wheel-macos check-wheel-macos
wheel-macos: $(VENV)/.installed
	$(BIN)/python cmake/macos/build_wheel.py

# Says what can be said of it without a Mac.
check-wheel-macos:
	$(PYTHON) tests/macos/check_wheel.py

clean:
	rm -rf $(VENV) $(METAL_VENV) build
