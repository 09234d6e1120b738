#!/bin/sh
# Installs pretix into the folder that is named, with an empty database: once,
# since both take minutes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=$1
mkdir -p "$into/data"
[ -x "$into/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$into/venv"
"$into/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cat >"$into/pretix.cfg" <<CFG
[pretix]
datadir=$into/data
ecb_rates=false
[database]
backend=sqlite3
[django]
debug=true
CFG
PRETIX_CONFIG_FILE="$into/pretix.cfg" "$into/venv/bin/python" -m pretix migrate --verbosity 0
mv "$into/data/db.sqlite3" "$into/empty.sqlite3"
