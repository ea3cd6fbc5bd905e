# Sourced by the benches: a reference server on a free port, and a folder that goes with it.
# Gives $scalectl, $work, $server (its pid) and $url; with $bench_starts_servers set, only the functions.
# SCALECTL names another binary than the release build.
scalectl=${SCALECTL:-${CARGO_TARGET_DIR:-target}/release/scalectl}
[[ -x $scalectl ]] || { echo "${0##*/}: build first: make build"; exit 2; }

work=$(mktemp -d)
server=
redis=
mongodb=
queue=
trap 'kill $server $redis $mongodb $queue 2>/dev/null || true; rm -rf "$work"' EXIT

# start_server [ARGUMENT...]: with these arguments, and an empty store.
start_server() {
  rm -rf "$work/data"
  # What an earlier server said would be taken for this one's word.
  : >"$work/serve.out"
  "$scalectl" serve --listen 127.0.0.1:0 --data "$work/data" "$@" >"$work/serve.out" 2>&1 &
  server=$!
  until grep -q listening "$work/serve.out"; do
    kill -0 "$server" || { cat "$work/serve.out"; exit 1; }
    sleep 0.05
  done
  url=$(sed -n 's/^listening on //p' "$work/serve.out")
}

stop_server() {
  kill "$server"
  wait "$server" || true
  server=
}

# A Redis that keeps nothing on disk; gives $redis (its pid) and $redis_url.
start_redis() {
  local port
  for port in $(shuf -i 20000-40000 -n 20); do
    redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >"$work/redis.out" &
    redis=$!
    until grep -q 'Ready to accept' "$work/redis.out"; do
      kill -0 "$redis" 2>/dev/null || continue 2
      sleep 0.05
    done
    redis_url=redis://127.0.0.1:$port
    return
  done
  echo "${0##*/}: redis-server found no free port"
  exit 1
}

# A MongoDB-compatible server; its cache must hold a whole build, or that takes minutes. Gives $mongodb (its pid) and $mongodb_url.
start_mongodb() {
  local program=.tools/bin/secantusd-rs
  [[ -x $program ]] || { echo "${0##*/}: $program is missing: make tools"; exit 2; }
  : >"$work/mongodb.out"
  "$program" --host 127.0.0.1 --port 0 --storage-path "$work/mongodb" --log-file-max 8MB --cache-size 4G \
    >"$work/mongodb.out" 2>&1 &
  mongodb=$!
  until grep -q 'listening on' "$work/mongodb.out"; do
    kill -0 "$mongodb" || { cat "$work/mongodb.out"; exit 1; }
    sleep 0.05
  done
  mongodb_url=mongodb://$(sed -n 's/.*listening on //p' "$work/mongodb.out")
}

# A server whose limit is known, of PLACES places of MILLISECONDS each; gives $queue (its pid) and $queue_url.
start_queue() {
  python3 benches/queue.py "$1" "$2" >"$work/queue.out" &
  queue=$!
  until grep -q listening "$work/queue.out"; do
    kill -0 "$queue" || exit 1
    sleep 0.05
  done
  queue_url=$(sed -n 's/^listening on //p' "$work/queue.out")
}

[[ -n ${bench_starts_servers:-} ]] || start_server
