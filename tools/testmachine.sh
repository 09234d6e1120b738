#!/usr/bin/env bash
# Sees to it that this machine has what the tests need, then runs the command.
#
# PostgreSQL 15 or later is looked for where internal/pgembed looks for it, and a
# browser where internal/parvistest/browser does. What is missing is installed
# with apt-get where that is possible. Without PostgreSQL the tests fetch one
# themselves; without a browser its tests are left out, except in CI.
set -euo pipefail

find_postgresql() {
	[ -n "${PARVIS_TEST_DATABASE_URL:-}${PARVIS_PG_BIN_DIR:-}" ] && return 0
	local dir version onpath
	onpath=$(command -v postgres || true)
	for dir in ${onpath:+"$(dirname "$(readlink -f "$onpath")")"} /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
		/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
		[ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] || continue
		version=$("$dir/postgres" --version | sed -nE 's/.*\(PostgreSQL\) ([0-9]+).*/\1/p')
		[ "${version:-0}" -ge 15 ] && return 0
	done
	return 1
}

find_browser() {
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

find_node() { command -v node >/dev/null && command -v npm >/dev/null; }

install() {
	local root=()
	command -v apt-get >/dev/null || return 1
	if [ "$(id -u)" != 0 ]; then
		sudo -n true 2>/dev/null || return 1
		root=(sudo -n)
	fi
	echo "Installing $1, which the tests need." >&2
	if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit 2>/dev/null)" ]; then
		"${root[@]}" apt-get update -qq >&2 || return 1
	fi
	# Several packages may be named in one word.
	# shellcheck disable=SC2086
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >&2
}

if ! find_postgresql && ! { install postgresql && find_postgresql; }; then
	echo "NO POSTGRESQL 15 OR LATER ON THIS MACHINE, and none could be installed: the tests will fetch one. Better: apt-get install postgresql" >&2
fi
if [ "${PARVIS_TEST_BROWSER:-}" != skip ] && ! find_browser && ! { install chromium && find_browser; }; then
	if [ "${CI:-}" = true ]; then
		echo "No browser could be installed, and CI leaves no test out: apt-get install chromium" >&2
		exit 1
	fi
	echo "NO BROWSER ON THIS MACHINE, and none could be installed: THE BROWSER TESTS ARE LEFT OUT. Better: apt-get install chromium" >&2
	export PARVIS_TEST_BROWSER=skip
fi
if [ "${PARVIS_TEST_NODE:-}" != skip ] && ! find_node && ! { install "nodejs npm" && find_node; }; then
	if [ "${CI:-}" = true ]; then
		echo "Node could not be installed, and CI leaves no test out: apt-get install nodejs npm" >&2
		exit 1
	fi
	echo "NO NODE AND NPM ON THIS MACHINE, and none could be installed: THE TYPESCRIPT CLIENT IS LEFT OUT. Better: apt-get install nodejs npm" >&2
	export PARVIS_TEST_NODE=skip
fi
for tool in curl jq; do
	command -v "$tool" >/dev/null || install "$tool" || echo "NO $tool ON THIS MACHINE: the README's commands need it, and so does the test that runs them." >&2
done
exec "$@"
