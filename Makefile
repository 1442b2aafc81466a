# The same few verbs here and in CI. `make` alone lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(VENV)/.browser
SITE := $(VENV)/.site
NEXT := .venv-next
EXPORTERS := .venv-exporters
WHEEL := .venv-wheel
OLDEST := .venv-oldest

.PHONY: help demo quick test faults torture check bench simulate claims prior docs site next exporters wheel clean

help:
	@echo "make demo      run the two-moons study, write demo/report.html"
	@echo "make quick     run the tests that need no other process, backend or browser (under 3 minutes)"
	@echo "make test      run the tests, as CI does (15 to 20 minutes on two cores)"
	@echo "make faults    run only those tests that kill, freeze and cut off processes"
	@echo "make torture   run every test, each list whole: layers, kills, damage, full disks, hostile input (hours)"
	@echo "make check     lint, format, import contract and types"
	@echo "make bench     measure speed against model.fit, PyTorch and hand-written JAX (half an hour)"
	@echo "make simulate  check the statistics by simulation, write docs/statistics.md (a quarter of an hour)"
	@echo "make claims    run every published claim a hundred times, write docs/claims.md (half an hour)"
	@echo "make prior     grow the bank of small studies, learn the curves of the rule recommended from it (an hour)"
	@echo "make docs      renew the generated pages of docs/, then make site (a quarter of an hour)"
	@echo "make site      build the site into docs/_build/html, and run the examples of its gallery (ten minutes)"
	@echo "make wheels    build wheel and sdist, install each into empty environments with the newest and the oldest"
	@echo "               dependencies, run a study there, check types, and look for wheels for each Python"
	@echo "make exporters try the exports with MLflow, Trackio and the exporter to ONNX installed (a few minutes)"
	@echo "make next      try the parity tests with the newest pre-releases of Keras and JAX"

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11 or newer on the path, found none. Install it, or run: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

# The report is tried in Chromium. Where it is missing and may be installed, it is, once and quietly;
# where not, its test says so and is skipped.
$(BROWSER): $(READY)
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome || { \
		run=; test "$$(id -u)" = 0 || run="sudo -n"; \
		install="timeout 300 $$run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium"; \
		$$install || { timeout 120 $$run apt-get update && $$install; }; \
	}; } >/dev/null 2>&1 </dev/null || true
	@touch $(BROWSER)

demo: $(READY)
	@$(BIN)/bridle run moons --out demo

quick: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not process and not backend and not browser"

test: $(READY) $(BROWSER)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

faults: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/faults tests/cluster

torture: $(READY) $(BROWSER)
	@BRIDLE_TORTURE=$(or $(TIMES),50) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	@if $(BIN)/python -c 'import atheris' 2>/dev/null; then \
		$(BIN)/python -m tests.hostile.atheris_parsers -max_total_time=600; \
	else echo "atheris: not installed, left out (pip install atheris)"; fi

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(READY)
	@$(BIN)/python -m benchmarks.engine
	@$(BIN)/python -m benchmarks.engine --markdown
	@$(BIN)/python -m benchmarks.many
	@$(BIN)/python -m benchmarks.penalized
	@$(BIN)/python -m benchmarks.noise
	@$(BIN)/python -m benchmarks.overheads

prior: $(READY)
	@$(BIN)/python -m benchmarks.prior --minutes $(or $(MINUTES),60)

simulate: $(READY)
	@$(BIN)/python -m benchmarks.calibration
	@$(BIN)/python -m benchmarks.ranges
	@$(BIN)/python -m benchmarks.statistics_page

claims: $(READY)
	@$(BIN)/python -m benchmarks.claims --out demo/claims
	@cp demo/claims/claims.json benchmarks/claims.json
	@$(BIN)/python -m benchmarks.chosen
	@$(BIN)/python -m benchmarks.chosen --markdown

docs: pages site

pages: $(READY)
	@$(BIN)/python docs/api.py
	@$(BIN)/python docs/layers.py
	@$(BIN)/python docs/diagnoses.py
	@$(BIN)/python -m benchmarks.engine --markdown
	@$(BIN)/python -m benchmarks.statistics_page
	@$(BIN)/python -m benchmarks.chosen --markdown
	@$(BIN)/python -m benchmarks.ranking --markdown
	@$(BIN)/python -m benchmarks.comparison --markdown

$(SITE): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $(SITE)

site: $(SITE)
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

wheels: $(READY)
	@rm -rf dist demo/wheel demo/oldest
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .
	@$(PYTHON) -m venv --clear $(WHEEL)
	@$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check build dist/*.whl
	@$(WHEEL)/bin/python -m build --sdist --outdir dist . >/dev/null
	@$(WHEEL)/bin/bridle run moons --quick --out demo/wheel
	@$(BIN)/python -m tests._wheel check dist $(WHEEL)/bin/python
	@for version in 3.11 3.12 3.13 3.14; do \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed --target demo/none \
			--python-version $$version --only-binary :all: dist/*.whl && echo "Python $$version: wheels of all dependencies"; \
	done
	@$(BIN)/python -m tests._wheel oldest pyproject.toml >dist/oldest.txt
	@$(PYTHON) -m venv --clear $(OLDEST)
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -c dist/oldest.txt dist/*.tar.gz
	@$(OLDEST)/bin/bridle run moons --quick --out demo/oldest

# Keras's nightly build is a package of its own that takes the place of keras. New warnings are shown, not errors.
next:
	@$(PYTHON) -m venv --clear $(NEXT)
	@$(NEXT)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(NEXT)/bin/python -m pip uninstall --quiet --yes keras
	@$(NEXT)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --pre keras-nightly jax jaxlib
	@$(NEXT)/bin/python -c 'import keras, jax; print("Keras", keras.__version__, "and JAX", jax.__version__)'
	@$(NEXT)/bin/python -m pytest -W default -n 2 --dist loadfile tests/engine/test_parity*.py

# The packages of the exporters are many, and some want other versions than constraints.txt has.
exporters:
	@$(PYTHON) -m venv --clear $(EXPORTERS)
	@$(EXPORTERS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,onnx,mlflow,tensorboard,trackio]'
	@$(EXPORTERS)/bin/python -m pytest tests/exporting tests/test_docs.py -k "export"

clean:
	rm -rf $(VENV) $(NEXT) $(EXPORTERS) $(WHEEL) dist demo .pytest_cache .ruff_cache .import_linter_cache
