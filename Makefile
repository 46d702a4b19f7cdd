# make run    set up, then the whole line on handwritten digits, served and asked (no download of data)
# make test   set up, then the tests
RECIPE ?= digits
BIN := .venv/bin
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: run setup test test-all lint lock clean

run: setup
	@$(BIN)/python -m labline.cli.demo $(RECIPE)

setup:
	@sh bootstrap.sh

test: setup
	$(BIN)/python -m pytest $(PARALLEL)

test-all: setup
	$(BIN)/python -m pytest -m "" $(PARALLEL)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --override overrides.txt setup.py --all-extras --no-annotate --no-header --upgrade -o requirements.lock

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
