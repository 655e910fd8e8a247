# Every target sets up what it needs: Python 3.11 or newer, make and a network for pip are enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= report
export OMP_NUM_THREADS ?= 1

.PHONY: report test check reference bench bench-publish bench-check rivals package docs emoji clean

report: $(VENV)/.installed                ## the main job: `plaplace compare`; OUT=DIR, QUICK=1, JOBS=2
	$(BIN)/plaplace compare --out $(OUT) $(if $(QUICK),--quick) $(if $(JOBS),--jobs $(JOBS))

test: $(VENV)/.installed-dev              ## every test, full profile
	PLAPLACE_PROFILE=full $(BIN)/python -m pytest

check: $(VENV)/.installed-dev             ## before every commit: format, lint, types, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not slow"

reference: $(VENV)/.installed-dev         ## regenerate the certified tables, byte for byte
	$(BIN)/python -m reference

# CONFIG=NAME, BENCH=REGEX; TRY=1: into build/asv-try, whatever the tree (benchmarks/README.md)
bench: $(VENV)/.installed-bench           ## time the current commit with asv in this machine's configurations
	$(BIN)/python -m benchmarks.record $(if $(CONFIG),--config '$(CONFIG)') $(if $(BENCH),--bench '$(BENCH)') $(if $(TRY),--try)

bench-publish: $(VENV)/.installed-bench   ## what was recorded as pages in build/asv that open without a network; TRY=1
	$(BIN)/python -m benchmarks.publish $(if $(TRY),--try)

bench-check: $(VENV)/.installed-bench     ## fail where this tree is slower or less accurate than BASE; BENCH=REGEX
	$(BIN)/python -m benchmarks.check $(or $(BASE),$(error BASE=REV is what to compare with)) $(if $(BENCH),--bench '$(BENCH)')

rivals: $(VENV)/.installed-dev            ## time rivals and floors in turns: results/rivals; QUICK=1, CASE=slug
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[rivals]'
	$(BIN)/python -m plaplace.compare.rivals --out results/rivals $(if $(QUICK),--quick) $(if $(CASE),--case $(CASE))
	$(BIN)/python -m pytest -q benchmarks/rivals --benchmark-timer=time.process_time \
		--benchmark-json=results/rivals/benchmark.json

# the wheel is installed and run where nothing else of this tree is; build/package/empty starts as empty as a user's
package:                                  ## wheel and sdist in dist/, checked and tried in an empty environment; EXTRAS=digits,ray
	rm -rf dist build/package
	$(PYTHON) -m venv build/package/tools
	build/package/tools/bin/python -m pip install -q build twine
	build/package/tools/bin/python -m build --outdir dist .
	build/package/tools/bin/python -m twine check --strict dist/*
	$(MAKE) --no-print-directory VENV=build/package/empty build/package/empty/.torch
	build/package/empty/bin/python -m pip install -c constraints.txt "$$(ls dist/*.whl)[$(or $(EXTRAS),digits)]"
	build/package/empty/bin/python -m pip check
	cd build/package && empty/bin/plaplace --version && empty/bin/python -m doctest ../../README.md
	cd build/package && empty/bin/plaplace compare --quick --problem triangle --out report

docs: $(VENV)/.installed-docs             ## the documentation in build/docs; a warning is an error. No network once installed
	rm -rf build/docs
	$(BIN)/python -m sphinx -q -b html -n -W --keep-going -d build/doctrees docs build/docs
	@echo "open build/docs/index.html"

emoji: $(VENV)/.installed runs/emoji-pictures/.fetched  ## a text-to-image model of emoji in runs/emoji; QUICK=1, RESUME=1
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[diffusers]'
	$(BIN)/python -m plaplace.networks.emoji --pictures runs/emoji-pictures --out runs/emoji \
		$(if $(QUICK),--quick) $(if $(RESUME),--resume)

# npm checks the archive against the registry, the command above the pictures against its own SHA-256
runs/emoji-pictures/.fetched:
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent emoji-datasource-google@16.0.0
	cd $(@D) && tar xzf *.tgz --strip-components=1 package/LICENSE package/emoji.json package/img/google/64
	rm $(@D)/*.tgz
	touch $@

# torch first: without an NVIDIA GPU the CPU build (local version +cpu) is asked for where pip can see one; where it
# cannot, the plain pin. Then the package itself, so that nothing else decides about torch.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	@pin=$$(sed -n 's/^torch==//p' constraints.txt); \
	if ! nvidia-smi >/dev/null 2>&1 && $(BIN)/python -m pip install "torch==$$pin+cpu" 2>/dev/null; then :; \
	else $(BIN)/python -m pip install "torch==$$pin"; fi
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install -c constraints.txt -e '.[digits]'
	touch $@

# curvlinops (a rival the tests compare with) asks for torchvision through a dependency that does not need it here:
# its parts are installed one by one, without what they ask for.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --no-deps curvlinops-for-pytorch==3.0.1 backpack-for-pytorch unfoldNd einconv
	$(BIN)/python -m pip install -c constraints.txt einops linear_operator opt-einsum tqdm tabulate
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed docs/_ext/offline_mathjax.py
	$(BIN)/python -m pip install -c constraints.txt -e '.[docs]'
	$(BIN)/python docs/_ext/offline_mathjax.py
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	$(BIN)/python -m pip install -c constraints.txt -e '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
