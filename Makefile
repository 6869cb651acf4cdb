# `make train` and `make test` do all of their own set-up.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SOURCES = $(shell find csrc metal python cmake CMakeLists.txt pyproject.toml -type f \
            -not -name '*.so' -not -name '*.pyi' -not -path '*/_lib/*' \
            -not -path '*/_kernels/*' -not -path '*/__pycache__/*' 2>/dev/null)

# The Metal backend on Linux: built by clang, run by the software Metal. SANITIZE is
# empty, address or thread: each has its own builds.
SANITIZE ?=
METAL_KIND = metal$(addprefix -,$(SANITIZE))
METAL_VENV ?= .venv-$(METAL_KIND)
METAL_BIN = $(METAL_VENV)/bin
SOFTMETAL = $(CURDIR)/build/soft$(METAL_KIND)
CLANGXX ?= $(firstword $(foreach c,clang++-19 clang++-18 clang++-17 clang++, \
             $(shell command -v $(c) 2>/dev/null)))

# What runs on the GPU as it stands, next to the tests made for it.
METAL_TESTS = $(wildcard tests/test_metal*.py) $(call test_files,activations array \
  attention batch_norm casts clip compile custom_function einsum eval export factorize \
  factorize_errors factorize_grad factorize_work fft files grad indexing init \
  layer_cases layers linalg losses module module_files normalize operators ops \
  ops_grad optimizer_grad optimizer_kinds optimizers pooling predicates promotion \
  random random_layouts ranking_losses recurrent rules scripts snippets step \
  step_memory step_trees strided transformer upsample value_and_grad)
test_files = $(addprefix tests/test_,$(addsuffix .py,$(1)))
# Of the GPU's tests, what goes through other orders of its threads and dispatches.
METAL_ORDERS = families or work or reductions or softmax or products or gather
# What runs under a sanitizer; ThreadSanitizer takes 25 us for each thread of the GPU.
METAL_address = $(call test_files,metal_families metal_errors metal_memory metal_work) \
  -k "not asked_for"
METAL_thread = $(call test_files,metal_families metal_errors metal_memory) \
  -k "not no_more_memory"

.PHONY: train test test-metal install lint clean

# Trains a small network on the handwritten digits of scikit-learn.
train: $(VENV)/.installed
	$(BIN)/python examples/digits.py $(ARGS)

# Runs the test suite.
test: $(VENV)/.installed
	$(BIN)/python -m pytest $(ARGS)

# Runs kernels and host code of the GPU against the CPU, on the software Metal.
test-metal: $(METAL_VENV)/.installed
ifeq ($(SANITIZE),)
	$(METAL_BIN)/python -m pytest $(METAL_TESTS) -k "not million" $(ARGS)
	$(METAL_BIN)/python examples/digits.py --epochs 2 --out build/digits-metal
	for seed in 1 2; do SOFTMETAL_SEED=$$seed $(METAL_BIN)/python -m pytest -q \
	  tests/test_metal*.py -k "$(METAL_ORDERS)" || exit; done
	SOFTMETAL_TIER=1 $(METAL_BIN)/python -m pytest -q \
	  $(call test_files,metal_families step step_trees)
else
	CLANGXX=$(CLANGXX) tests/softmetal/sanitized $(SANITIZE) $(METAL_BIN)/python \
	  -m pytest --capture=sys $(METAL_$(SANITIZE)) $(ARGS)
endif

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
	  -DCMAKE_CXX_COMPILER=$(CLANGXX) -DSOFTMETAL_SANITIZE=$(SANITIZE) \
	  -DINGOT_METAL_CPP="$$($(METAL_BIN)/python cmake/metal_cpp.py)"
	$(METAL_BIN)/cmake --build $(SOFTMETAL) --target softmetal
	CXX=$(CLANGXX) $(METAL_BIN)/python -m pip install --quiet \
	  $(if $(SANITIZE),. pytest hypothesis,".[test]") \
	  -Cbuild-dir=build/$(METAL_KIND) -Ccmake.define.INGOT_METAL=soft \
	  -Ccmake.define.INGOT_SOFTMETAL=$(SOFTMETAL) \
	  -Ccmake.define.INGOT_SANITIZE=$(SANITIZE) \
	  $(if $(SANITIZE),-Cinstall.strip=false -Ccmake.define.INGOT_METALLIB=OFF)
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
	rm -rf $(VENV) .venv-metal* build
