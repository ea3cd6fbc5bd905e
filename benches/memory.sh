#!/usr/bin/env bash
# Memory of an idle Socket.IO connection: the reference server's beside that of Node's socket.io, in the same run.
# Each server is fresh; its resident memory is read before and with all sockets connected, a ping later.
# Needs node and npm. Usage: benches/memory.sh [SOCKETS]
set -euo pipefail
cd "$(dirname "$0")/.."

sockets=${1:-15000}
for program in node npm; do
  command -v "$program" >/dev/null || { echo "memory: $program is missing; apt-get install nodejs npm"; exit 2; }
done
scalectl=${CARGO_TARGET_DIR:-target}/release/scalectl
[[ -x $scalectl ]] || { echo "memory: build first: make build"; exit 2; }
ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) >= sockets + 500)) || { echo "memory: $sockets sockets need ulimit -n $((sockets + 500))"; exit 2; }

work=$(mktemp -d)
server='' load=''
end() { for pid in $load $server; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"; }
trap end EXIT

cp benches/node/package.json benches/node/server.mjs "$work/"
npm install --prefix "$work" --no-audit --no-fund --silent

# A user logs in on a connection that ends with the answer, then holds a socket and says nothing.
cat >"$work/idle.yaml" <<YAML
config:
  target: http://127.0.0.1:1
  phases: [{duration: 120, users: 1}]
  http: {timeout: 60}
  socketio: {auth: {token: "{{ token }}"}, timeout: 60}
scenarios:
  - engine: socketio
    flow:
      - post:
          url: /api/auth/guest
          headers: {connection: close}
          json: {name: "idle {{ \$user }}"}
          capture: [{json: \$.token, as: token}]
      - connect: {}
      - think: 600
YAML

rss_kib() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
connected() { { find "/proc/$server/fd" -lname 'socket:*' 2>/dev/null || true; } | wc -l; }

# measure NAME COMMAND...
measure() {
  local name=$1 before with held url
  shift
  "$@" >"$work/out" 2>"$work/err" &
  server=$!
  until grep -q listening "$work/out"; do kill -0 "$server"; sleep 0.05; done
  url=$(sed -n 's/^listening on //p' "$work/out")
  before=$(rss_kib "$server")
  # Two generators: a user counts as two connections, of which the one for HTTP is closed again.
  load=''
  for _ in 1 2; do
    "$scalectl" loadtest run "$work/idle.yaml" --target "$url" --users $((sockets / 2)) --ramp 30s \
      --duration 100s --quiet >"$work/report" 2>&1 &
    load="$load $!"
  done
  for _ in $(seq 90); do
    held=$(connected)
    ((held >= sockets / 2 * 2)) && break
    sleep 1
  done
  sleep 30
  held=$(connected) with=$(rss_kib "$server")
  kill $load "$server" && wait $load "$server" || true
  server='' load=''
  awk -v n="$name" -v h="$held" -v b="$before" -v w="$with" \
    'BEGIN { printf "%-28s  %8d  %9.1f MB  %9.1f MB  %10.1f KiB\n", n, h, b / 1024, w / 1024, (w - b) / h }'
}

printf '%-28s  %8s  %12s  %12s  %14s\n' server sockets 'without' 'with' 'per socket'
measure 'scalectl serve' "$scalectl" serve --listen 127.0.0.1:0 --data "$work/data" --max-connections $((sockets + 200))
measure "node $(node --version) socket.io" node "$work/server.mjs"
