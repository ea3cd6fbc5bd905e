#!/usr/bin/env bash
# What the cache buys: the same route without it, with the copies in the process, and with the copies in Redis only.
# Prints rate, median latency and the calls of the store for each 1,000 requests. Needs wrk (Debian package wrk) and,
# for the last line, redis-server. Usage: benches/cache.sh [SECONDS] [FOLLOWED]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-6}
followed=${2:-50}
command -v wrk >/dev/null || { echo "cache: wrk is missing; apt-get install wrk"; exit 2; }
bench_starts_servers=yes
source benches/server.sh

post() { curl -sf -H 'content-type: application/json' -H "authorization: Bearer ${3:-}" -d "$2" "$url$1"; }
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/"; }
store_calls() { curl -sf "$url/metrics" | awk '/^store_calls_total/ { sum += $2 } END { print sum + 0 }'; }

# A reader who follows authors of a post each: the feed is the dearest of the cached routes.
fill() {
  reader=$(post /api/auth/guest '{"name":"Reader"}' | field token)
  for n in $(seq "$followed"); do
    author=$(post /api/auth/guest "{\"name\":\"Author $n\"}")
    post /api/posts "{\"text\":\"Post $n\"}" "$(field token <<<"$author")" >/dev/null
    post "/api/users/$(field id <<<"$author")/follow" '' "$reader" >/dev/null
  done
}

# Columns: what is on, requests per second, median, store calls.
measure() {
  local before after report
  before=$(store_calls)
  report=$(wrk -t2 -c32 -d"${seconds}s" --latency -H "authorization: Bearer $reader" "$url/api/feed")
  after=$(store_calls)
  awk -v what="$1" -v calls=$((after - before)) '
    /50%/ { median = $2 } /requests in/ { total = $1 } /Requests\/sec/ { rate = $2 } /Non-2xx/ { bad = $NF }
    END { printf "%-10s  %10.0f  %10s  %14.1f\n", what, rate, median, calls * 1000 / total; exit bad > 0 }' <<<"$report"
}

run() {
  local what=$1
  shift
  start_server "$@"
  fill
  measure "$what"
  stop_server
}

printf '%-10s  %10s  %10s  %14s\n' cache 'requests/s' median 'store/1,000'
run off
run memory --cache memory
if command -v redis-server >/dev/null; then
  start_redis
  export REDIS_URL=$redis_url
  run redis --cache redis --redis env:REDIS_URL
  echo 'cache: {enabled: true, l1Entries: 0}' >"$work/redis-only.yaml"
  run 'redis only' --config "$work/redis-only.yaml" --redis env:REDIS_URL
else
  echo 'redis       not measured: redis-server is missing; apt-get install redis-server'
fi
