# make demo: set up, then fine-tune, convert, evaluate and ask both sample databases. make test: set up, then all checks.
# make slow: the tests that take minutes.
# Set-up makes .venv from requirements.lock and is done again only when what it depends on has changed.

VENV  := .venv
BIN   := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
STAMP := $(VENV)/.set-up-$(shell { pwd; cat requirements.lock pyproject.toml scripts/setup.sh scripts/llama-slim.cmake; } | cksum | cut -d' ' -f1)

.PHONY: demo test slow lint lock clean

demo: $(STAMP)
	@bash scripts/demo.sh

test: lint
	@$(PYTEST)

slow: $(STAMP)
	@$(PYTEST) -m slow

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

# Resolves the newest versions that pyproject.toml allows, for every Python and platform at once.
lock: $(STAMP)
	@bash scripts/setup.sh lock

$(STAMP):
	@bash scripts/setup.sh install $@

# Runs and checkpoints stay: they took time to make.
clean:
	rm -rf $(VENV) .uv .mypy_cache .ruff_cache .pytest_cache
