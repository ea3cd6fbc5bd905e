#!/usr/bin/env bash
# The rate of `loadtest run` at 64 users on GET /health beside that of wrk, in the same run on the same machine.
# Needs wrk (Debian package wrk). Usage: benches/http-rate.sh [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
seconds=${2:-6}
command -v wrk >/dev/null || { echo "http-rate: wrk is missing; apt-get install wrk"; exit 2; }
source benches/server.sh

cat >"$work/health.yaml" <<YAML
config: {target: "$url"}
scenarios:
  - flow:
      - get: /health
YAML

wrk_rate() { wrk -t2 -c64 -d"${seconds}s" "$url/health" | awk '/Requests\/sec/ { print int($2) }'; }
scalectl_rate() {
  "$scalectl" loadtest run "$work/health.yaml" --users 64 --ramp 0s --duration "${seconds}s" --quiet |
    awk '/^GET \/health/ { print int($5) }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-6s  %12s  %12s  %6s\n' round 'wrk req/s' 'scalectl' ratio
for round in $(seq "$rounds"); do
  peer=$(wrk_rate)
  ours=$(scalectl_rate)
  ratio=$(awk "BEGIN { printf \"%.2f\", $ours / $peer }")
  printf '%-6s  %12s  %12s  %6s\n' "$round" "$peer" "$ours" "$ratio"
  echo "$ratio" >>"$work/ratios"
done
printf 'median ratio: %s\n' "$(median <"$work/ratios")"
