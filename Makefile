# Two commands matter: `make repro` builds the corpus, `make test` proves it. Both set up everything they need.
#
#   make repro            .venv, pinned dependencies, `dvc repro`, what was built
#   make test             the test suite (under 8 minutes on 2 cores)
#   make lint             ruff, mypy, and the pinned versions against the advisories that this repository knows
#   make audit            the same advisories, and those that PyPI knows (needs the network)
#   make sbom             what an installation consists of, from the lock: build/sbom.cdx.json (CycloneDX)
#   make slow             the tests that are too slow for every change, which are run before a release
#   make commands         every command of README and docs/, typed against the default corpus (about 8 minutes)
#   make nightly          all tests, those too that take hours
#   make docs             the reference pages of docs/ from the code
#   make site             docs/ as a website in site/, in strict mode
#   make bench-peers      the other projects that `python -m bench` measures beside, each in .venv-peers/<peer>
#   make servers          the servers that tests talk to, each in .venv-servers/<server> (Label Studio: about 4 minutes)
#   make lock             resolve pyproject.toml anew into requirements/*.lock (needs uv)
#
# TORCH chooses the build of torch. The plain index gives Linux users several GB of CUDA; a CPU build or another CUDA is
#   make repro TORCH="torch==2.13.0 --index-url <the index of the build you want>"

PYTHON ?= python3
TORCH ?= torch==2.13.0
TEST := python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
PIP := .venv/bin/python -m pip --disable-pip-version-check

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PIP_REQUIRE_VIRTUALENV := true

.PHONY: repro test slow commands nightly lint audit sbom docs site bench-peers servers lock install clean

# DVC keeps pickles in .gristmill/dvc, which it would make writable for everybody.
repro: .venv/installed
	@mkdir -p .gristmill && mkdir -p -m 700 .gristmill/dvc
	dvc repro
	gristmill report

install: .venv/installed

.venv/installed: requirements/base.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gristmill needs Python 3.11 or newer, $(PYTHON) is %d.%d; try `make PYTHON=python3.12`" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --require-hashes --no-deps --only-binary :all: --no-binary jieba,antlr4-python3-runtime -r requirements/base.lock
	$(PIP) install --quiet $(TORCH)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/tested: .venv/installed requirements/dev.lock
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

test: .venv/tested
	$(TEST) -m "not slow and not nightly and not built"

slow: .venv/tested
	$(TEST) -m slow

commands: repro .venv/tested $(addprefix .venv-servers/,seaweedfs/installed webdav/installed)
	python -m pytest -n 2 -m built

nightly: repro .venv/tested servers
	$(TEST)

lint: .venv/tested
	ruff check .
	ruff format --check .
	mypy --strict catalog
	mypy stages bench
	python requirements/audit.py $(firstword $(TORCH))

audit: .venv/tested .venv-audit/installed
	python requirements/audit.py $(firstword $(TORCH))
	.venv-audit/bin/pip-audit --strict --disable-pip --no-deps --ignore-vuln CVE-2025-69872 -r requirements/base.lock

# What is locked for no system (torch, which the line above chooses, and what only it would bring) is left out.
sbom: .venv-audit/installed
	@mkdir -p build
	{ awk '/^[^ #]/ {kept = !/never/} kept' requirements/base.lock; echo $(firstword $(TORCH)); } | .venv-audit/bin/cyclonedx-py \
		requirements - --pyproject pyproject.toml --output-reproducible --validate --output-file build/sbom.cdx.json

.venv-audit/installed: requirements/audit.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

docs: .venv/installed
	python -m catalog.reference
	python -m stages.text.rules.reference
	python -m stages.publication.params_reference

site: .venv-site/installed
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build

.venv-site/installed: requirements/site.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

bench-peers: $(patsubst bench/peers/%.txt,.venv-peers/%/installed,$(wildcard bench/peers/*.txt))

.venv-peers/%/installed: bench/peers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

servers: $(patsubst tests/servers/%.txt,.venv-servers/%/installed,$(wildcard tests/servers/*.txt))

.venv-servers/%/installed: tests/servers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	$(AFTER)
	@touch $@

# Any command of Label Studio migrates its database first; `init` would go on to ask for a user.
.venv-servers/label-studio/installed: AFTER = SENTRY_DSN= COLLECT_ANALYTICS=false LATEST_VERSION_CHECK=false $(@D)/bin/label-studio version --data-dir $(CURDIR)/$(@D) >$(@D)/migrations.log 2>&1

lock:
	uv pip compile pyproject.toml requirements/torch-needs.in --universal --python-version 3.11 --generate-hashes \
		--overrides requirements/without-torch.txt --no-header --quiet --output-file requirements/base.lock
	python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["dev"], sep="\n")' | \
		uv pip compile - --constraints requirements/base.lock --overrides requirements/without-torch.txt \
		--universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements/dev.lock

clean:
	rm -rf .venv .venv-audit .gristmill
