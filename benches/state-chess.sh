#!/usr/bin/env bash
# Games of chess while their state moves to Redis. First a run in each phase, with the 99th percentile of a move beside
# that of a server whose state stays in memory; then one run through which the whole migration goes, back and forth and
# to its end, and the verdict of the verification. Usage: benches/state-chess.sh [GAMES] [SECONDS per phase]
set -euo pipefail
cd "$(dirname "$0")/.."

games=${1:-500}
seconds=${2:-20}
command -v redis-server >/dev/null || { echo "state-chess: redis-server is missing; apt-get install redis-server"; exit 2; }
bench_starts_servers=yes
source benches/server.sh
export SCALECTL_STATE_JOURNAL=$work/journal.jsonl

state() { "$scalectl" migrate state "$1" --redis "$redis_url" "${@:2}"; }

# A run of so many seconds; its report goes to $work/$1.json.
play() {
  "$scalectl" loadtest run scenarios/chess.yaml --target "$url" --users $((games * 2)) --duration "$2s" --quiet \
    --output json >"$work/$1.json" || true
}

show() {
  python3 - "$1" "$work/$1.json" <<'PYTHON'
import json, sys
name, path = sys.argv[1:]
report = json.load(open(path))
move = next(row for row in report["rows"] if row["name"] == "emit chess:move")
errors = sum(row["errors"] for row in report["rows"])
times = move["response"]
print(f"{name:24}  {move['count']:>8,}  {errors:>6}  {times['p50'] / 1000:>8.2f}  {times['p99'] / 1000:>8.2f}")
PYTHON
}

start_redis
redis-cli -u "$redis_url" config set appendonly yes >/dev/null
printf '%-24s  %8s  %6s  %8s  %8s\n' "$games games" moves errors 'p50 ms' 'p99 ms'
start_server
play 'in memory' "$seconds"
show 'in memory'
stop_server
start_server --redis "$redis_url" --state migrating --instance-name one
play off "$seconds"
show off
state start --yes >/dev/null 2>&1
for phase in dual backfill shadow read-new strict primary-new stop-old; do
  [[ $phase == dual ]] || state advance --to "$phase" --yes >/dev/null 2>&1 || state finish --yes >/dev/null
  play "$phase" "$seconds"
  show "$phase"
done
stop_server

redis-cli -u "$redis_url" flushall >/dev/null
rm -f "$SCALECTL_STATE_JOURNAL"
start_server --redis "$redis_url" --state migrating --instance-name one
play 'through all phases' $((seconds * 4)) &
playing=$!
sleep "$seconds"
state start --auto --yes >"$work/forward.txt" 2>&1
sleep 2
for _ in 1 2; do state rollback --timeout 30s >>"$work/forward.txt" 2>&1; sleep 1; done
state advance --to primary-new --yes >>"$work/forward.txt" 2>&1
verdict=$(state verify 2>/dev/null | grep -E '^(PASS|FAIL|INCONCLUSIVE)')
state finish --yes >>"$work/forward.txt" 2>&1
wait "$playing"
show 'through all phases'
echo
echo "$verdict"
state status | sed -n 1p
