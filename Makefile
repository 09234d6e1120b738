.DEFAULT_GOAL := help
SHELL := bash
GEN := go tool -modfile=tools/gen/go.mod

## help: say what each target does
.PHONY: help
help:
	@grep -E '^## ' $(MAKEFILE_LIST) | sed -E 's/^## ([^:]+): (.*)/  \1\t\2/' | expand -t 24

## generate: bundle the contract, generate server stubs and queries
.PHONY: generate
generate:
	@go run ./internal/tools/apigen generate
	@$(GEN) oapi-codegen -config api/codegen.yaml .build/openapi.codegen.yaml
	@$(GEN) sqlc generate
