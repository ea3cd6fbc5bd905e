#!/usr/bin/env bash
# Sends a running reference server what its OpenAPI document allows, and much that it does not:
#
#     scripts/check-api.sh http://127.0.0.1:8080 [CASES]
#
# At least CASES requests (1,000 unless given), the same ones every time. Fails when an answer is 5xx, when the
# document does not describe it, or when the server accepts what the document forbids. The server's data are
# changed: use one that nobody needs.
set -euo pipefail

readonly url=${1:?usage: scripts/check-api.sh URL [CASES]}
readonly cases=${2:-1000}

cd "$(dirname "$0")/.."
st=.tools/bin/schemathesis
[[ -x $st ]] || st=$(command -v schemathesis) || {
  echo "check-api: schemathesis was not found; make tools installs it" >&2
  exit 69
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

json() { curl --silent --show-error --fail --header 'Content-Type: application/json' "$@"; }
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/"; }

# Each route gets as many random requests as makes the sum, beside the systematic ones that it always gets.
json "$url/openapi.json" >"$work/openapi.json"
operations=$(grep -oE '"(get|put|post|delete|patch)":\{' "$work/openapi.json" | wc -l)
REFERENCE_TOKEN=$(json "$url/api/auth/guest" --data '{"name":"Checker"}' | field token)
export REFERENCE_TOKEN

status=0
"$st" --config-file scripts/schemathesis.toml run "$url/openapi.json" --no-color \
  --max-examples $(((cases + operations - 1) / operations)) >"$work/log" 2>&1 || status=$?
cat "$work/log"
[[ $status -eq 0 ]] || exit 1

made=$(sed -nE 's/^ *([0-9]+) generated.*/\1/p' "$work/log")
echo "check-api: $operations operations, ${made:-0} cases"
[[ ${made:-0} -ge $cases ]] || { echo "check-api: fewer than $cases cases" >&2; exit 1; }
