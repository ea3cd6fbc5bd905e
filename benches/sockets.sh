#!/usr/bin/env bash
# Holds Socket.IO users on the reference server while they play chess, and prints the server's descriptors and memory
# before, at the height, and after. Usage: benches/sockets.sh [USERS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

users=${1:-2000}
seconds=${2:-60}
source benches/server.sh

rss_mb() { awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
show() { printf '%-22s  %12s  %10s\n' "$1" "$(descriptors "$server")" "$(rss_mb "$server") MB"; }

printf '%-22s  %12s  %10s\n' server descriptors memory
show 'before'
"$scalectl" loadtest run scenarios/chess.yaml --target "$url" --users "$users" --duration "${seconds}s" \
  --quiet >"$work/report.txt" &
load=$!
sleep $((seconds * 9 / 10))
show "with $users users"
printf '%-22s  %12s  %10s\n' '  the generator' "$(descriptors "$load")" "$(rss_mb "$load") MB"
status=0
wait "$load" || status=$?
for _ in $(seq 12); do
  show 'after'
  sleep 10
done
cat "$work/report.txt"
exit "$status"
