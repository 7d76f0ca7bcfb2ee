# bottle: build, test, measure. `make demo` and `make test` are all the set-up
# there is. The demo needs nothing but Go; a test that drives a program (curl, dig, git,
# sshd, h2load, node, npm, python3, chromium-headless-shell, tmux) says so when it is missing.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
TOOLS   := $(GO) tool -modfile=internal/tools/go.mod
# The tests with gRPC are a module of their own: it is no dependency of bottle.
GRPC    := $(GO) -C internal/grpctest
FUZZTIME ?= 30s
BENCHTIME ?= 1s
SOAK ?= 2m
# What the compiler is told of where the program spends its time. It is no default.pgo:
# every test and every vet would compile all packages once more.
PGO     := -pgo=$(abspath cmd/bottle/bottle.pgo)
RELAYS  := vm/relay/guestbin/bottle-relay-amd64 vm/relay/guestbin/bottle-relay-arm64

export CGO_ENABLED := 0

.PHONY: accuracy agents build demo test race lint fuzz bench bench-git bench-packages bench-relay bench-views vuln cross generate man pgo soak e2e-vm clean

build: $(RELAYS)
	$(GO) build -trimpath -tags guestbin $(PGO) -ldflags '$(LDFLAGS)' -o bin/bottle ./cmd/bottle

# The program that runs in virtual machines: a bottle built by make brings it along
# for both architectures; one built by go build brings itself, on Linux. Without
# inlining it is smaller, and its work is the kernel's.
vm/relay/guestbin/bottle-relay-%: FORCE
	GOOS=linux GOARCH=$* $(GO) build -trimpath -gcflags=all=-l -ldflags '-s -w' -o $@ ./vm/relay/cmd/bottle-relay
	@[ $$(wc -c <$@) -lt 3000000 ] || { echo "$@ has 3 MB or more" >&2; exit 1; }
FORCE:

# The manual pages, of commands and of topics: man -l bin/man/bottle.1
man: build
	./bin/bottle man bin/man

demo: build
	./bin/bottle demo

test: build agents
	$(GO) test -timeout 30m ./...
	$(GRPC) test ./...

# The real agent clients that tests run; they are skipped without npm. Each is
# for one platform, so npm calls it optional and says nothing when it could not
# be fetched. It runs in the folder: with --prefix it would not read the
# machine's npmrc.
agents: testdata/agents/node_modules/.package-lock.json

testdata/agents/node_modules/.package-lock.json: testdata/agents/package-lock.json
	@command -v npm >/dev/null || { echo "npm is not installed: the tests with real agent clients will be skipped"; exit 0; }; \
	for try in 1 2 3; do \
		echo "fetch the agent clients that tests drive"; \
		(cd testdata/agents && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); \
		ls testdata/agents/node_modules/*/*/claude testdata/agents/node_modules/*/*/vendor/*/bin/codex >/dev/null 2>&1 && exit 0; \
	done; \
	rm -rf testdata/agents/node_modules; \
	echo "the agent clients could not be fetched: their tests will be skipped"

# The race detector needs cgo and a C compiler. What moves gigabytes runs in
# `make test`: the detector makes it ten times slower and shows nothing more.
race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...
	CGO_ENABLED=1 $(GRPC) test -race -short ./...

lint: cross
	$(GO) vet ./...
	$(TOOLS) golangci-lint run ./...
	$(GRPC) vet ./...
	linter="$$($(TOOLS) -n golangci-lint)" && cd internal/grpctest && "$$linter" run ./...

# Every fuzz target of the project, FUZZTIME each.
fuzz:
	@$(GO) test ./... -list '^Fuzz' -json | \
		sed -n 's/.*"Package":"\([^"]*\)","Output":"\(Fuzz[A-Za-z0-9_]*\).*/\1 \2/p' | \
		while read -r pkg target; do \
			echo "== $$pkg $$target"; \
			$(GO) test "$$pkg" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done

# What the proxy costs on the wire, beside others, in two to three minutes; with
# JSON=FILE the numbers are in a file, too. All of them are compiled as bottle is.
bench:
	$(GO) test $(PGO) ./internal/wirebench -run '^TestWire$$' -count 1 -timeout 20m -v -args -full $(if $(JSON),-json $(abspath $(JSON)))

# The profile that bottle is compiled with, anew: requests, connections, streams that are
# scanned and redacted, and the scanner with all kinds of texts. It takes two minutes,
# and is worth it when much of that code has changed; an old one does no harm. The
# profile names the programs it is of: they are run where their path tells nothing.
PGODIR := /tmp/bottle-pgo
pgo:
	rm -rf $(PGODIR) && mkdir $(PGODIR)
	$(GO) test -trimpath -c -o $(PGODIR)/wirebench.test ./internal/wirebench
	$(GO) test -trimpath -c -o $(PGODIR)/dlp.test ./dlp
	cd internal/wirebench && $(PGODIR)/wirebench.test -test.run '^TestWire$$' -test.timeout 20m -test.v -full -rounds 8 -slice 1s \
		-ways bottle -only '^small|connection|redacted|scanned|event stream' -profile $(PGODIR)
	cd dlp && GOROOT=$$($(GO) env GOROOT) $(PGODIR)/dlp.test -test.run '^$$' -test.bench '^BenchmarkWrite$$' -test.benchtime 300ms -test.cpuprofile $(PGODIR)/dlp.pprof
	$(GO) tool pprof -proto $(PGODIR)/*-bottle.pprof $(PGODIR)/dlp.pprof >cmd/bottle/bottle.pgo
	rm -rf $(PGODIR)

# All protocols at once with clients that go away, for SOAK; then nothing may be left
# behind. The short form is among the tests.
soak:
	$(GO) test ./proxy -run '^TestSoak$$' -count 1 -timeout 60m -v -args -soak $(SOAK)

# What the git gate costs beside git alone, in some minutes, as ratios.
bench-git:
	$(GO) test ./gitgate -run '^$$' -bench '^Benchmark(Git|HostilePush)$$' -benchtime 1x -timeout 30m

# What both views take to answer a person while 10,000 exchanges a second are written,
# on top of a journal of BEHIND bytes, and their memory.
BEHIND ?= 0
bench-views:
	$(GO) test ./internal/ui -run '^$$' -bench '^BenchmarkLive$$' -benchtime 1x -timeout 30m -args -behind $(BEHIND)

# What the relay of virtual machines costs beside socat, by turns, as ratios.
bench-relay:
	$(GO) test ./vm/relay/guest -run '^$$' -bench '^BenchmarkBesideSocat$$' -benchtime 5x -timeout 10m

# The benchmarks of single packages, the scanner's among them.
bench-packages:
	$(GO) test ./... -run '^$$' -bench . -benchtime $(BENCHTIME) -benchmem

# How much is found, in which encodings, and how much that is none; in some
# minutes. The short form is among the tests. The source trees are those of Go
# and of the module cache.
accuracy:
	$(GO) test ./dlp -run '^(TestRecall|TestEvasionMatrix|TestBenignCorpora|TestNoise|TestSourceTrees)$$' -count 1 -timeout 60m -v -args -full

# The database of known vulnerabilities is fetched from the network.
vuln:
	$(TOOLS) govulncheck ./...

cross:
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		echo "vet and build $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet ./... && \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/bottle || exit 1; \
	done

# What holds of a real smolvm: the calls that need no hypervisor, then a machine, then
# bottles by the command line. It is the one of BOTTLE_TEST_SMOLVM, or the vendor's package
# of Python's index; the image is BOTTLE_TEST_IMAGE (an archive of docker save, an unpacked
# root folder), or one of busybox and curl. A host that runs no machines emulates a computer
# that does, which takes some ten minutes, and of Debian busybox-static, curl, e2fsprogs,
# qemu-system-x86 and linux-image-cloud-amd64. E2E picks tests: make e2e-vm E2E=Machine
SMOLVM := bin/smolvm/smol/smol-vmm
E2E ?= Contract|Machine|Bottle

e2e-vm: build $(if $(BOTTLE_TEST_SMOLVM),,$(SMOLVM))
	BOTTLE_TEST_SMOLVM="$${BOTTLE_TEST_SMOLVM:-$(abspath $(SMOLVM))}" BOTTLE_TEST_BOTTLE=$(abspath bin/bottle) \
		$(GO) test ./vm/smolvm -tags e2evm -run '^TestReal($(E2E))$$' -count 1 -timeout 100m -v

$(SMOLVM):
	python3 -m pip download -q --no-deps --only-binary :all: --dest bin/smolvm smolmachines==1.32.2
	python3 -m zipfile -e bin/smolvm/smolmachines-*.whl bin/smolvm
	chmod +x $@

generate:
	$(GO) generate ./...

clean:
	rm -rf bin
