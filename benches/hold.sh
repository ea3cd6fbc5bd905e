#!/usr/bin/env bash
# Holds Socket.IO users on the reference server, each with one acknowledged message in 30 s, and prints what a user costs
# on both sides. Each user takes about 44 KiB of memory in all, and at one message in 30 s a hundred thousand keep one
# processor busy: on two, 250,000 need a slower pace, as in `benches/hold.sh 250000 120 560 17 100`, or rarer heartbeats, as
# in `benches/hold.sh 250000 120 560 17 30 120`.
# Usage: benches/hold.sh [USERS] [SECONDS] [RAMP_SECONDS] [INSTANCES] [SECONDS_BETWEEN_MESSAGES] [SECONDS_BETWEEN_HEARTBEATS]
set -euo pipefail
cd "$(dirname "$0")/.."

users=${1:-100000}
seconds=${2:-120}
ramp=${3:-$((users / 1000 + 20))}
instances=${4:-$(((users + 14999) / 15000))}
pace=${5:-30}
heartbeat=${6:-25}
connections=19500
((users <= instances * connections)) || { echo "hold: $instances instances take $((instances * connections)) users"; exit 2; }
(($(ulimit -Hn) >= connections + 500)) || { echo "hold: each server needs ulimit -n $((connections + 500))"; exit 2; }
# A fifth more than what was measured.
needed=$((users * 53)) free=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
((needed <= free)) || { echo "hold: $users users need $((needed / 1024)) MiB of memory, $((free / 1024)) are free"; exit 2; }
bench_starts_servers=yes
source benches/server.sh
start_server --instances "$instances" --max-connections "$connections" --ping-interval "${heartbeat}s"

# The process and all that it started.
family() { echo "$1"; for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do family "$child"; done; }
memory_kib() { for pid in $(family "$1"); do awk "/^$2/ { print \$2 }" "/proc/$pid/status" 2>/dev/null; done | paste -sd+ | bc; }
rss_kib() { memory_kib "$1" VmRSS; }
cpu_ticks() { for pid in $(family "$1"); do awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null; done | paste -sd+ | bc; }
slab_kib() { awk '/^Slab/ { print $2 }' /proc/meminfo; }
available_kib() { awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }

sed -e "s#http://127.0.0.1:8080#$url#" -e "s/duration: 20s/duration: ${ramp}s/" -e "s/duration: 2m/duration: ${seconds}s/" \
  -e "s/1000/$users/" -e "s/0s-30s/0s-${pace}s/" -e "s/think: 30s/think: ${pace}s/" scenarios/hold.yaml >"$work/hold.yaml"
server_before=$(rss_kib "$server") slab_before=$(slab_kib) available_before=$(available_kib)
"$scalectl" loadtest run "$work/hold.yaml" >"$work/report.txt" 2>"$work/progress.txt" &
load=$!
sleep "$((ramp + seconds / 2))"
ticks=$(cpu_ticks "$load") server_ticks=$(cpu_ticks "$server")
sleep 20
row() { awk -v name="$1" -v kib="$2" -v users="$users" 'BEGIN { printf "%-36s %10.1f MiB %8.2f KiB a user\n", name, kib / 1024, kib / users }'; }
row 'generator' "$(memory_kib "$load" RssAnon)"
row 'generator, pages of its program too' "$(rss_kib "$load")"
row 'server, resident, above its start' "$(($(rss_kib "$server") - server_before))"
row 'kernel, both ends' "$(($(slab_kib) - slab_before))"
row 'the whole machine' "$((available_before - $(available_kib)))"
awk -v a="$(($(cpu_ticks "$load") - ticks))" -v b="$(($(cpu_ticks "$server") - server_ticks))" \
  'BEGIN { printf "processors while held: generator %.2f, server %.2f\n", a / 2000, b / 2000 }'
status=0
wait "$load" || status=$?
cat "$work/report.txt"
tail -n 2 "$work/progress.txt"
exit "$status"
