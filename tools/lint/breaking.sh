#!/usr/bin/env bash
# Fails if openapi.yaml breaks a client of an earlier contract. Compared with are
# the last release tag (v…), if there is one, and the contract that this change
# started from: of main where this branch left it; on main itself, the one before
# the last change of openapi.yaml. BASE=revision compares with that one alone.
#
# A break that is meant is a line of tools/lint/breaks.txt, below its reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
breaks=tools/lint/breaks.txt
mkdir -p .build

# Every accepted break stands below a comment that says why.
awk '/^#/ {reason = 1; next} /^[[:space:]]*$/ {reason = 0; next} !reason {print FILENAME ":" FNR ": a break without a reason above it: " $0; bad = 1} END {exit bad}' "$breaks"

bases() {
	[ -z "${BASE:-}" ] || { echo "$BASE"; return; }
	git rev-parse -q --verify HEAD >/dev/null || return 0
	git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true
	local main fork last
	for main in origin/main main; do
		fork=$(git merge-base HEAD "$main" 2>/dev/null) || continue
		[ "$fork" = "$(git rev-parse HEAD)" ] || { echo "$fork"; return; }
	done
	git diff --quiet HEAD -- openapi.yaml || { echo HEAD; return; }
	last=$(git rev-list -1 HEAD -- openapi.yaml)
	[ -z "$last" ] || git rev-parse -q --verify "$last~1" || true
}

compared=
for base in $(bases | sort -u); do
	git cat-file -e "$base:openapi.yaml" 2>/dev/null || continue
	git show "$base:openapi.yaml" >.build/openapi.base.yaml
	compared="$compared $(git describe --tags --always "$base")"
	cmp -s .build/openapi.base.yaml openapi.yaml && continue
	go tool -modfile=tools/lint/go.mod oasdiff breaking --fail-on ERR --deprecation-days-stable 365 --severity-levels tools/lint/oasdiff-levels.txt \
		--err-ignore "$breaks" .build/openapi.base.yaml openapi.yaml ||
		{ echo "openapi.yaml breaks clients of $base. If that is meant, give the reason in $breaks."; exit 1; }
done
if [ -z "$compared" ]; then
	echo "No earlier contract is here to compare openapi.yaml with (a shallow clone, or the first commit)."
else
	echo "openapi.yaml breaks no client of:$compared"
fi
