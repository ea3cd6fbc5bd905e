#!/usr/bin/env bash
# Whether four workers measure what one process measures: 100 arrivals a second on GET /health with everything that
# takes long coming from a pause of the server. Prints counts and percentiles of both, in microseconds, and their ratio.
# Usage: benches/workers.sh [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
seconds=${2:-20}
source benches/server.sh

cat >"$work/health.yaml" <<YAML
config: {target: "$url"}
scenarios:
  - flow:
      - get: /health
YAML

# The server stands still for half a second in each second: half of the answers take up to that long. Both runs together
# have a hundred connections waiting then; its queue of new ones holds 128.
pause() {
  while sleep 0.5; do
    kill -STOP "$server" && sleep 0.5 && kill -CONT "$server" || return
  done
}
pause &
pauses=$!
trap 'kill $pauses 2>/dev/null; kill -CONT $server 2>/dev/null; kill $server 2>/dev/null || true; rm -rf "$work"' EXIT

measure() {
  local status=0
  "$scalectl" loadtest run "$work/health.yaml" --arrival-rate 100 --duration "${seconds}s" --workers "$1" --quiet \
    --output json >"$work/report$1" || status=$?
  # A busy machine makes a run inconclusive and no figure of it wrong.
  ((status == 0 || status == 3)) || { cat "$work/report$1" >&2; return 1; }
  python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
for doubt in report["generator"]["doubts"]:
    print("workers:", doubt, file=sys.stderr)
row = report["rows"][0]
print(row["count"], *(row["response"][p] for p in ("p90", "p95", "p99", "max")))' "$work/report$1"
}

printf '%-6s %-8s %8s %10s %10s %10s %10s\n' round workers count p90 p95 p99 max
for round in $(seq "$rounds"); do
  # At the same time: a pause is as long as the machine makes it, and both see the same ones.
  measure 1 >"$work/one" &
  one=$!
  measure 4 >"$work/four"
  wait "$one"
  # shellcheck disable=SC2046
  printf '%-6s %-8s %8s %10s %10s %10s %10s\n' "$round" 1 $(<"$work/one") "$round" 4 $(<"$work/four")
  paste -d' ' "$work/one" "$work/four" |
    awk '{ printf "%-15s %8.3f %10.3f %10.3f %10.3f %10.3f\n", "ratio", $6/$1, $7/$2, $8/$3, $9/$4, $10/$5 }'
done
