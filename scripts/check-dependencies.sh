#!/usr/bin/env bash
# Checks the dependencies against deny.toml, as far as this machine can, and says what it left out:
# licences, bans and sources need cargo-deny; advisories need a fetched advisory database too.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/.tools/bin:$PATH"

if ! command -v cargo-deny >/dev/null 2>&1; then
  echo "deny: LEFT OUT: licences, bans, sources and advisories were not checked: cargo-deny is not installed"
  echo "deny:           cargo install cargo-deny --version 0.20.2 --locked"
  exit 0
fi

cargo deny --locked check --hide-inclusion-graph licenses bans sources

if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*" >/dev/null; then
  cargo deny --locked check --disable-fetch --hide-inclusion-graph advisories
else
  echo "deny: LEFT OUT: advisories were not checked: no advisory database here (cargo deny fetch brings it)"
fi
