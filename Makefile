# `make demo` and `make test` install what they need into .venv, once. To use an environment that
# already has torch and Detectron2 instead: `pip install -e .` there, then `make test PYTHON=python`.

ifeq ($(origin PYTHON), command line)
  INSTALLED :=
else
  PYTHON := .venv/bin/python
  INSTALLED := .venv/installed
endif
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check

CONFIG := configs/Digits/dw_R_18_FPN.py
OUTPUT := output/dw
PREPARE := $(PYTHON) tools/prepare_digits.py
TRAIN := $(PYTHON) tools/train_net.py --config-file $(CONFIG) train.output_dir=$(OUTPUT)

# A process for each core; each has one thread, for more would only wait for one another.
JOBS := $(shell nproc 2>/dev/null || echo 2)
PYTEST := OMP_NUM_THREADS=1 $(PYTHON) -m pytest --numprocesses $(JOBS) --dist loadfile

.PHONY: demo test coverage lint count install

demo: $(INSTALLED)
	$(PREPARE)
	$(TRAIN)
	@printf '\nThis is what was run:\n\n    %s\n    %s\n\n' '$(PREPARE)' '$(TRAIN)'
	@printf "Look at %s/report.html and %s/detections.png.\n" $(OUTPUT) $(OUTPUT)

test: $(INSTALLED)
	$(PYTEST)

coverage: $(INSTALLED)
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

lint: $(INSTALLED)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

count:
	@for folder in projects/DualWeighting/dual_weighting tests tools; do \
	  git ls-files -z "$$folder/*.py" | xargs -0 cat | wc -l | tr '\n' ' '; \
	  echo "lines in $$(git ls-files "$$folder/*.py" | wc -l) files: $$folder"; done

install: $(INSTALLED)

# Detectron2's wheel is marked for Python 3.10, but holds Python files for any: hence --target.
.venv/installed: requirements/base.txt requirements/export.txt requirements/detectron2.txt setup.py
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed")'
	@echo "Installing into .venv (once, a few minutes) ..."
	test -x .venv/bin/python || python3 -m venv .venv
	$(PIP) -r requirements/base.txt -r requirements/export.txt
	$(PIP) --upgrade --no-deps --only-binary=:all: --platform any --python-version 3.10 \
	  --implementation cp --abi none -r requirements/detectron2.txt \
	  --target $$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
