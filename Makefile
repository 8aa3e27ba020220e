# `make run` and `make test` set up everything they need in .venv and then do what they say.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test slow lint bench fuzz load kills lock clean space docker-steps

run: $(VENV)/.app
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.answer
	$(BIN)/python -m tests.benchmarks.live
	$(BIN)/python -m tests.benchmarks.training $(ARGS)

fuzz: $(VENV)/.dev
	DANCE_DEMO_FUZZ=10 $(BIN)/python -m pytest tests/fuzz $(ARGS)

load: $(VENV)/.dev
	$(BIN)/python -m tests.load $(ARGS)

kills: $(VENV)/.dev
	$(BIN)/python -m tests.load.kills $(ARGS)

space: $(VENV)/.app
	$(BIN)/python .ci/space.py $(ARGS)

docker-steps:
	$(PYTHON) .ci/docker_steps.py $(ARGS)

lock: $(VENV)/.app
	$(BIN)/python .ci/lock.py

$(VENV)/.app: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) tests/artefacts
