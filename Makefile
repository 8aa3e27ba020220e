# `make run` and `make test` set up everything they need in .venv and then do what they say.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test slow lint coverage bench fuzz load attacks kills lock js clean space docker-steps

run: $(VENV)/.app
	$(BIN)/python app.py $(ARGS)

test: lint
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

slow: $(VENV)/.dev
	DANCE_DEMO_RAY=1 $(BIN)/python -m pytest -m slow $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

# Lines and branches that the quick tests come through. What runs in a process of its own (a job, an app that was
# started) is not counted, and so they are fewer than are tested.
coverage: $(VENV)/.dev
	mkdir -p tests/artefacts
	$(BIN)/python -m pytest -m "not slow" -p no:cacheprovider --cov --cov-report=term --cov-report=html $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.answer
	$(BIN)/python -m tests.benchmarks.live
	$(BIN)/python -m tests.benchmarks.first_visit
	$(BIN)/python -m tests.benchmarks.sound
	$(BIN)/python -m tests.benchmarks.training $(ARGS)

fuzz: $(VENV)/.dev
	DANCE_DEMO_FUZZ=10 $(BIN)/python -m pytest tests/fuzz $(ARGS)

load: $(VENV)/.dev
	$(BIN)/python -m tests.load $(ARGS)

attacks: $(VENV)/.dev
	$(BIN)/python -m tests.load.attacks $(ARGS)

kills: $(VENV)/.dev
	$(BIN)/python -m tests.load.kills $(ARGS)

space: $(VENV)/.app
	$(BIN)/python scripts/space.py $(ARGS)

docker-steps:
	$(PYTHON) scripts/docker_steps.py $(ARGS)

lock: $(VENV)/.app
	$(BIN)/python scripts/lock.py

# What runs in a browser, from its source in js/ to dance_demo/export/assets. Needs node and npm; nothing else does.
js: js/node_modules/.package-lock.json
	node js/build.js

js/node_modules/.package-lock.json: js/package-lock.json
	cd js && npm ci --no-audit --no-fund

$(VENV)/.app: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) tests/artefacts
