# Everything happens in .venv; the targets make it when it is missing or pyproject.toml has changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 2

.PHONY: run demo test check lint types imports pytest bench screenshots pins clean

run: $(VENV)/run.done ## open the live monitor; ARGS= passes options
	$(BIN)/smtpwatch $(ARGS)

demo: $(VENV)/run.done ## the same program on bundled recorded traffic; needs no rights
	$(BIN)/smtpwatch --demo $(ARGS)

test: debian check pytest ## install what the tests need, then lint, types and every test

check: lint types imports

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.done
	$(BIN)/mypy

imports: $(VENV)/dev.done
	$(BIN)/lint-imports --no-cache

pytest: $(VENV)/dev.done
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: debian
debian: ## Debian packages for the tests, where we are root and apt is there
	sh tests/install-debian-packages.sh tests/debian-packages.txt
	sh tests/unpack-debian-packages.sh tests/debian-unpacked.txt .cache/debian

bench: debian $(VENV)/dev.done ## every budget beside its peer, measured in the same run
	sh tests/install-debian-packages.sh tests/benchmarks/debian-packages.txt
	$(BIN)/python -m tests.benchmarks

screenshots: $(VENV)/dev.done ## screenshots/*.svg from the tests' own fixtures
	$(BIN)/python -m tests.screenshots

pins: $(VENV)/dev.done ## constraints.txt from what is installed
	(sed -n 1p constraints.txt; $(BIN)/pip freeze --exclude-editable | grep '==') > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist .cache *.egg-info

# Debian and Ubuntu keep venv in a package of its own; as root that is mended at once.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "smtpwatch needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); } || \
		{ echo "python3 -m venv does not work here: apt install python3-venv"; exit 1; }

$(VENV)/run.done: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/dev.done: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/run.done
