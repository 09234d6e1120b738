#!/usr/bin/env bash
# Vendors the pinned browser applications into vendor/ and writes NOTICE.
#
# Same package-lock.json in, same bytes out: the packages are verified by their
# integrity hash, and gzip -n stores neither name nor time. Needs node and npm;
# nobody who builds or runs the server needs them, because the result is
# committed. Install scripts stay off: one of the packages reports installations
# to its authors from such a script.
set -euo pipefail
cd "$(dirname "$0")"
export SCARF_ANALYTICS=false

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp package.json package-lock.json "$work/"
(cd "$work" && npm ci --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error)

rm -rf vendor
mkdir vendor
node build.mjs "$work/node_modules" vendor NOTICE
gzip -9 -n vendor/*
ls -l vendor
