# `make help` lists what there is. Everything works from a fresh clone.

PREFIX ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
BUILD := .build/release
SWIFT_FLAGS := -c release --explicit-target-dependency-import-check error
PYTHON := .venv/bin/python

.PHONY: help dependencies build demo test test-swift test-long test-sanitized test-python test-clients test-systemd test-arm64 chaos \
	wheel lint lint-python format gates install install-files man deb clean

help:            ## List the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

dependencies:    ## Install what is missing of Debian's packages (libzmq, libyaml, zlib)
	@Scripts/install-dependencies

build: dependencies  ## Build the release: xentd, xent and xentload, with the Swift runtime inside
	swift build $(SWIFT_FLAGS) --static-swift-stdlib

demo: build      ## Evaluate real data with a daemon of its own, and check the result
	@Scripts/demo $(BUILD)

test: test-swift test-python test-clients  ## All tests

test-swift: dependencies  ## The tests of each target, in release mode
	swift test $(SWIFT_FLAGS) --scratch-path .build-test -Xswiftc -enable-testing

test-long: dependencies  ## Every f32 that the exponential can meet, by each kernel; minutes
	XENTD_LONG_TESTS=1 swift test $(SWIFT_FLAGS) --scratch-path .build-test -Xswiftc -enable-testing --filter LongTests

# Leaks are not looked for: the batches that the load tester makes up live as long as it does.
test-sanitized: dependencies  ## The tests of each target with AddressSanitizer, which ends at a read or write outside of memory; minutes
	ASAN_OPTIONS=detect_leaks=0 swift test $(SWIFT_FLAGS) --scratch-path .build-sanitized -Xswiftc -enable-testing --sanitize=address

test-python: build $(PYTHON)  ## The tests of the real binaries over real sockets
	XENTD_BIN_DIR=$(BUILD) $(PYTHON) -m pytest -q Tests/EndToEnd

test-systemd: deb $(PYTHON)  ## Install the package in a Debian booted by systemd-nspawn, and work it; root, minutes
	@Scripts/install-dependencies systemd
	$(PYTHON) -m pytest -q -rs Tests/Systemd

test-arm64:      ## The computation's self-check on arm64, compiled as Embedded Swift and run by QEMU; a minute
	@Scripts/check-arm64

test-clients: build $(PYTHON)  ## The tests of the Python package, with daemons and doubles, and a short chaos
	XENTD_BIN_DIR=$(abspath $(BUILD)) $(PYTHON) -m pytest -c Clients/python/pyproject.toml --rootdir Clients/python Clients/python/tests

chaos: build $(PYTHON)  ## 100,000 batches while daemons die, freeze and lose their network; minutes
	$(PYTHON) Tests/Chaos/chaos.py --build $(BUILD) --batches 100000

wheel: $(PYTHON)  ## Build the Python package to dist/
	$(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir dist Clients/python

$(PYTHON): Tests/requirements.txt Clients/python/requirements-dev.txt
	@Scripts/install-dependencies python
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --requirement Tests/requirements.txt --requirement Clients/python/requirements-dev.txt
	@touch $@

lint:            ## Check the layout of the Swift sources
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

lint-python: $(PYTHON)  ## Check the layout and the types of the Python package
	cd Clients/python && $(abspath $(PYTHON)) -m ruff check . && $(abspath $(PYTHON)) -m ruff format --check .
	cd Clients/python && $(abspath $(PYTHON)) -m mypy

format:          ## Lay the Swift sources out
	swift format --in-place --parallel --recursive Package.swift Sources Tests

gates: build     ## Checks that no test can make: the kernels' symbols, the unit
	@Scripts/check-kernel-symbols $(BUILD)
	@Scripts/check-unit

install: build install-files  ## Install to $(DESTDIR)$(PREFIX), the configuration to /etc/xentd, the units for systemd

install-files: man
	install -D -s -m 755 $(BUILD)/xentd $(DESTDIR)$(PREFIX)/bin/xentd
	install -D -s -m 755 $(BUILD)/xent $(DESTDIR)$(PREFIX)/bin/xent
	install -D -s -m 755 $(BUILD)/xentload $(DESTDIR)$(PREFIX)/bin/xentload
	test -e $(DESTDIR)/etc/xentd/xentd.yaml || install -D -m 644 Config/xentd.yaml $(DESTDIR)/etc/xentd/xentd.yaml
	mkdir -p $(DESTDIR)$(UNITDIR)
	sed 's|=/usr/bin/|=$(PREFIX)/bin/|' systemd/xentd.service > $(DESTDIR)$(UNITDIR)/xentd.service
	install -m 644 systemd/*.socket $(DESTDIR)$(UNITDIR)
	install -D -m 644 systemd/xentd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/xentd.conf
	install -D -m 644 systemd/xentd.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/xentd.conf
	for section in 1 5 8; do \
	  install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$$section .build/man/*.$$section; done

man:
	@Scripts/make-man-pages $(BUILD) .build/man

deb: build       ## Make the Debian package in dist/
	@Scripts/install-dependencies deb
	@Scripts/make-deb $(BUILD)

clean:           ## Remove what was built
	rm -rf .build .build-test .venv dist debian/xentd debian/.debhelper debian/files debian/*.substvars debian/*.debhelper*
