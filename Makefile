# Every command makes what it needs first. `make demo` is the place to start.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
EXTRA  ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo gpu || echo cpu)
BIN    := .venv/bin
export HF_HUB_OFFLINE := 1

.PHONY: dev check test test-slow vectors docs bench demo
dev: .venv/installed                 ## virtual environment with everything

# On CPUs torch is the version that constraints-cpu.txt pins; of its builds on all indexes that pip was told of
# (PIP_EXTRA_INDEX_URL), +cpu outranks PyPI's.
.venv/installed: pyproject.toml constraints-cpu.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(if $(filter cpu,$(EXTRA)),-c constraints-cpu.txt) -e ".[$(EXTRA),dev]"
	$(if $(filter gpu,$(EXTRA)),$(BIN)/python -m pip install --quiet --force-reinstall --no-deps onnxruntime-gpu)
	@touch $@

check: dev                           ## format, lint, types, layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

test: dev                            ## the default suite (minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2

test-slow: dev                       ## kills, sweeps and demo-size runs
	$(BIN)/python -m pytest -q -m slow

vectors: dev                         ## rebuild the test vectors; git must stay clean
	$(BIN)/python -m tests.vectors.build

docs: dev                            ## rebuild generated pages and pictures
	$(BIN)/python -m docs.build

bench: dev                           ## answers to named questions, as ratios
	$(BIN)/python -m tests.bench

demo: dev                            ## the whole job on invented people
	$(BIN)/govsdk demo --workspace demo-workspace
