#!/usr/bin/env bash
# The capacity of a queue whose limit is known, and of `scalectl serve` twice: how true and how repeatable a search is.
# Needs python3. Usage: benches/capacity.sh [STEP_SECONDS] [MAX_LAG]
# Client and server share this machine: MAX_LAG says how late the generator may be (50ms); close other programs.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
lag=${2:-50ms}
source benches/server.sh

cat >"$work/get.yaml" <<YAML
config: {target: "http://127.0.0.1:1"}
scenarios: [{flow: [{get: /}]}]
slo: [errors < 1%, p95 < 200ms]
YAML
cat >"$work/read.yaml" <<YAML
config: {target: "http://127.0.0.1:1"}
scenarios:
  - flow:
      - post: {url: /api/auth/guest, json: {name: "guest {{ \$user }}"}, capture: {json: \$.token, as: token}}
      - get: {url: /api/feed, headers: {authorization: "Bearer {{ token }}"}}
      - get: {url: /api/notifications, headers: {authorization: "Bearer {{ token }}"}}
slo: [errors < 1%, p95 < 200ms]
YAML

# search SCENARIO URL [ARGUMENT...]: the goodput of the peak; the report is kept in $work/report.json.
search() {
  local scenario=$1 target=$2 status=0
  shift 2
  "$scalectl" loadtest find-capacity "$work/$scenario.yaml" --target "$target" --step-duration "${seconds}s" \
    --warm-up 2s --max-lag "$lag" --output json --quiet "$@" >"$work/report.json" || status=$?
  [[ $status == [013] ]] || exit "$status"
  python3 - "$work/report.json" <<'PYTHON'
import json, sys
search = json.load(open(sys.argv[1]))["searches"][0]
peak = search["peak"] or {"level": 0, "goodput": 0, "confirmed": 0}
print("%.1f %.1f" % (peak["goodput"], peak["level"]), search["finding"], len(search["steps"]))
PYTHON
}

show() { printf '%-28s  %10s  %10s  %-16s  %5s  %s\n' "$@"; }
apart() { awk "BEGIN { printf \"%+.1f %%\", 100 * ($1 / $2 - 1) }"; }

start_queue 8 20
show search goodput/s level/s finding steps 'how far apart'
read -r goodput level finding steps < <(search get "$queue_url" --start 50)
show 'queue, 8 places of 20 ms' "$goodput" "$level" "$finding" "$steps" "$(apart "$goodput" 400) of the true 400/s"
read -r first level finding steps < <(search read "$url" --start 100)
show 'serve, first search' "$first" "$level" "$finding" "$steps" ''
read -r second level finding steps < <(search read "$url" --start 100)
show 'serve, second search' "$second" "$level" "$finding" "$steps" "$(apart "$second" "$first") of the first"
