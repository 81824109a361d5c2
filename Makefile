# `make` lists the targets.
GO ?= go

# The race detector needs a C compiler; without one the tests run all the same.
RACE := $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null && echo -race)

.PHONY: help build test cover check lint cross crossvet generate model console bench soak interop adapter dist dist-test

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: ## build bin/furl
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/furl ./cmd/furl

# The tests of these packages start programs and wait for them, or read the source: they share no memory, and the race
# detector would only slow them down. They run beside the others.
PLAIN := ./interop ./bench ./internal/archtest ./internal/dist

test: ## run all tests; those of interop/ need Python, Node and the package registries, and say so where they skip
	interop/install.sh || echo "interop/install.sh could not install everything: the tests that need it will skip" >&2
	@$(GO) test -p 1 -timeout 18m $(PLAIN) & plain=$$!; \
		$(GO) test $(RACE) -timeout 18m $$($(GO) list ./... | grep -v -e '/interop$$' -e '/bench$$' -e '/archtest$$' -e '/dist$$'); \
		raced=$$?; wait $$plain && exit $$raced

interop: ## run the tests with real clients and functions only
	interop/install.sh
	$(GO) test -count=1 ./interop/...

adapter: ## build the Lambda Web Adapter, which takes minutes, and run the tests that need it
	interop/install.sh adapter
	$(GO) test -count=1 -run WebAdapter ./interop

lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

# The systems that furl is for. That it compiles is what counts here, and without optimization it does so in half the
# time.
SYSTEMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
UNOPTIMIZED := -gcflags=all='-N -l'

cross: ## build furl for its six systems
	@set -e; for system in $(SYSTEMS); do echo "build $$system"; \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} $(GO) build -trimpath $(UNOPTIMIZED) -o /dev/null ./cmd/furl; done

crossvet: ## vet everything for the six systems, tests included; it takes minutes
	@set -e; for system in $(SYSTEMS); do echo "vet $$system"; \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} $(GO) vet -trimpath ./...; done

# VERSION names a version, in place of the tag of the commit.
dist: ## write the archives and packages of a release to dist/
	$(GO) run ./internal/dist -version '$(VERSION)'

dist-test: ## make a release for all systems twice, compare, and install the packages for this system
	$(GO) test -count=1 -timeout 40m -v ./internal/dist -args -all

generate: ## write the generated documentation
	$(GO) generate ./...

console: ## build the page of the console, which is committed
	console/build.sh

model: ## write the facts of AWS's API models and of SAM's policy templates from the pinned packages
	tools/awsmodel/run.sh
	tools/sampolicy/run.sh

cover: ## fail unless the tests of sigv4 and policy, and of what is below them, run every statement of theirs
	@set -e; profile=$$(mktemp); trap 'rm -f "$$profile"' EXIT; for packages in ./sigv4/... ./policy/...; do \
		$(GO) test -count=1 -coverpkg=$$packages -coverprofile="$$profile" $$packages; \
		$(GO) tool cover -func="$$profile" | grep -v '100\.0%$$' && { echo "not at 100 % coverage: $$packages"; exit 1; } || :; \
	done

check: lint cross generate model console test cover ## what CI runs, and that it left the work tree as it was
	$(GO) mod tidy -diff
	git diff --exit-code

bench: ## measure furl against its peers and against the floor
	$(GO) run ./bench

soak: ## run functions that misbehave for ten minutes, and fail if the server answers wrongly or grows
	$(GO) test ./internal/app/attack -run Soak -soak 10m -timeout 30m -v
	$(GO) test ./internal/proxy -run Soak -soak 5m -timeout 10m -v
	$(GO) run ./bench -only console -console 10m
