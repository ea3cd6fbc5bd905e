# Sourced by the benches: a reference server on a free port, and a folder that goes with it.
# Gives $scalectl, $work, $server (its pid) and $url.
scalectl=${CARGO_TARGET_DIR:-target}/release/scalectl
[[ -x $scalectl ]] || { echo "${0##*/}: build first: make build"; exit 2; }

work=$(mktemp -d)
"$scalectl" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/serve.out" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
until grep -q listening "$work/serve.out"; do kill -0 "$server"; sleep 0.05; done
url=$(sed -n 's/^listening on //p' "$work/serve.out")
