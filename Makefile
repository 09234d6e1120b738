.DEFAULT_GOAL := help
SHELL := bash
GEN := go tool -modfile=tools/gen/go.mod
LINT := go tool -modfile=tools/lint/go.mod
NPX := npx --no --prefix tools/lint

# What generators write, and nothing else does.
GENERATED = openapi.yaml internal/api internal/*/internal/*db sdk/go/client.gen.go sdk/typescript/src/schema.gen.ts

# What bench measures: how many contacts, how often, and which operations (all if empty).
SIZE ?= 1m
ROUNDS ?= 5
OP ?=

# How long each fuzz target runs, and the one revision that the breaking-change
# check compares with (empty: it finds them itself).
FUZZTIME ?= 10s
BASE ?=

## help: say what each target does
.PHONY: help
help:
	@grep -hE '^## ' $(MAKEFILE_LIST) | sed -E 's/^## ([^:]+): (.*)/  \1\t\2/' | expand -t 20

## run: build the program and serve, on a private PostgreSQL unless PARVIS_DATABASE_URL is set
.PHONY: run
run: build
	@exec bin/parvis serve

## build: build bin/parvis
.PHONY: build
build:
	@go build -o bin/parvis ./cmd/parvis

# Tests are linked without what only a debugger reads: every package links the
# whole program once, and a third of that is for debuggers. Stack traces stay.

## test: everything that decides whether a change is good; installs what the machine lacks
.PHONY: test
test:
	@tools/testmachine.sh $(MAKE) --no-print-directory verify breaking
	@tools/testmachine.sh go test -timeout 30m -ldflags='-s -w' ./...

## generate: bundle the contract, generate server stubs, queries and clients
.PHONY: generate
generate:
	@go run ./internal/tools/apigen generate
	@$(GEN) oapi-codegen -config api/codegen.yaml .build/openapi.codegen.yaml
	@$(GEN) sqlc generate
	@$(MAKE) --no-print-directory sdk

## sdk: generate the Go and TypeScript clients from the bundled contract
.PHONY: sdk
sdk:
	@[ -f .build/openapi.codegen.yaml ] || go run ./internal/tools/apigen generate
	@$(GEN) oapi-codegen -config sdk/go/codegen.yaml .build/openapi.codegen.yaml
ifeq ($(PARVIS_TEST_NODE),skip)
	@echo "THE TYPESCRIPT CLIENT IS LEFT OUT: Node and npm are not on this machine (apt-get install nodejs npm)." >&2
else
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "Node 18.17 or later and npm, which write the TypeScript client, are not on this machine: apt-get install nodejs npm" >&2; exit 1; }
	@$(MAKE) --no-print-directory sdk/typescript/node_modules
	@cd sdk/typescript && node_modules/.bin/openapi-typescript ../../openapi.yaml --output src/schema.gen.ts >/dev/null
endif

sdk/typescript/node_modules: sdk/typescript/package-lock.json
	@npm ci --silent --prefix sdk/typescript
	@touch $@

## verify: fail unless the generated files are what the generators write today
.PHONY: verify
verify:
	@mkdir -p .build
	@find $(GENERATED) -type f | LC_ALL=C sort | xargs sha256sum > .build/generated.before
	@$(MAKE) --no-print-directory generate
	@find $(GENERATED) -type f | LC_ALL=C sort | xargs sha256sum > .build/generated.after
	@diff .build/generated.before .build/generated.after || { echo "Generated files were out of date; they are regenerated now: commit them."; exit 1; }
	@go run ./internal/tools/apigen check

## check: lint, lint-contract, vuln and fuzz; slower than test, for before a release
.PHONY: check
check: lint lint-contract vuln fuzz

## lint: read the Go code with every linter that .golangci.yaml leaves on
.PHONY: lint
lint:
	@$(LINT) golangci-lint run ./...

## lint-contract: read openapi.yaml with Redocly and Spectral
.PHONY: lint-contract
lint-contract: tools/lint/node_modules
	@$(NPX) redocly lint --config tools/lint/.redocly.yaml openapi.yaml
	@$(NPX) spectral lint --ruleset tools/lint/.spectral.yaml --fail-severity error openapi.yaml

tools/lint/node_modules: tools/lint/package-lock.json
	@npm ci --silent --prefix tools/lint
	@touch $@

## breaking: fail if openapi.yaml breaks a client of an earlier contract (BASE=revision)
.PHONY: breaking
breaking:
	@BASE='$(BASE)' tools/lint/breaking.sh

## vuln: look for known vulnerabilities in what the program calls
.PHONY: vuln
vuln:
	@$(LINT) govulncheck ./...

## test-oidc: try trusted issuers and signing in against a certified OpenID provider on this machine (needs Node)
.PHONY: test-oidc
test-oidc: tools/oidc/node_modules
	@PARVIS_TEST_OIDC=$(CURDIR)/tools/oidc go test -count=1 -run TestACertifiedProvider ./internal/federation ./internal/signin

## test-saml: try signing in against a SAML provider that others wrote on this machine (needs Node)
.PHONY: test-saml
test-saml: tools/saml/node_modules
	@PARVIS_TEST_SAML=$(CURDIR)/tools/saml go test -count=1 -run TestASAMLProviderThatOthersWrote ./internal/signin

tools/saml/node_modules: tools/saml/package-lock.json
	@npm ci --silent --prefix tools/saml
	@touch $@

tools/oidc/node_modules: tools/oidc/package-lock.json
	@npm ci --silent --prefix tools/oidc
	@touch $@

## test-pretix: read a real pretix on this machine, installed from PyPI (needs Python 3.11 or later)
.PHONY: test-pretix
test-pretix: .build/pretix/empty.sqlite3
	@PARVIS_TEST_PRETIX=$(CURDIR)/.build/pretix go test -count=1 -timeout 30m -v -run TestARealPretix ./internal/connectors/pretix

.build/pretix/empty.sqlite3: tools/pretix/requirements.txt tools/pretix/prepare.sh
	@echo "Installing pretix: this takes some minutes, once." >&2
	@tools/pretix/prepare.sh $(CURDIR)/.build/pretix

## fuzz: run every fuzz target for a while (FUZZTIME=10s)
.PHONY: fuzz
fuzz:
	@go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do \
		grep -lqs '^func Fuzz' $$(go list -f '{{.Dir}}' "$$package")/*_test.go || continue; \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
		done; \
	done

## bench: measure the product against PostgreSQL itself (SIZE=1m OP=get,list ROUNDS=5); also: go run ./bench/scope, ./bench/eventsequence
.PHONY: bench
bench:
	@go run ./bench -size $(SIZE) -rounds $(ROUNDS) -op '$(OP)'

## docs-assets: vendor the pinned browser applications of the documentation again
.PHONY: docs-assets
docs-assets:
	@internal/web/docs/assets/build.sh

# What a release is: its version and the machines it is for.
VERSION ?= $(shell git describe --tags --always --dirty)
PLATFORMS ?= linux/amd64 linux/arm64
REPRODUCIBLE = CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly"

## sbom: write dist/sbom.cdx.json, the CycloneDX bill of what the built program is made of
.PHONY: sbom
sbom: dist/parvis-$(VERSION)-linux-amd64
	@go tool -modfile=tools/sbom/go.mod cyclonedx-gomod bin -json -std -licenses -noserial -version $(VERSION) -output dist/sbom.cdx.json $<
	@sed -i -E 's/("timestamp": )"[^"]*"/\1"$(shell git log -1 --format=%cI)"/' dist/sbom.cdx.json

dist/parvis-$(VERSION)-%: FORCE
	@mkdir -p dist
	@GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) $(REPRODUCIBLE) go build -ldflags "-s -w -buildid=" -o $@ ./cmd/parvis
.PHONY: FORCE
FORCE:

## release: build dist/, the same bytes from the same commit: programs, bill of materials, checksums; signed if PARVIS_SIGNING_KEY names a key
.PHONY: release
release: $(foreach p,$(PLATFORMS),dist/parvis-$(VERSION)-$(subst /,-,$(p))) sbom
	@cd dist && sha256sum parvis-$(VERSION)-* sbom.cdx.json > SHA256SUMS && cat SHA256SUMS
	@if [ -n "$$PARVIS_SIGNING_KEY" ]; then rm -f dist/SHA256SUMS.sig && ssh-keygen -q -Y sign -n parvis-release -f "$$PARVIS_SIGNING_KEY" dist/SHA256SUMS; else echo "Not signed: PARVIS_SIGNING_KEY names no key." >&2; fi
