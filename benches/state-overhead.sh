#!/usr/bin/env bash
# What a map that moves costs in each phase: one change of a value of a kilobyte, median and 99th percentile one at a
# time, changes and scripts a second many at a time; beside a Mutex<HashMap> and a Redis client that sends GET and SET
# together, in the same run. Needs redis-server. Usage: benches/state-overhead.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-5}
command -v redis-server >/dev/null || { echo "state-overhead: redis-server is missing; apt-get install redis-server"; exit 2; }
overhead=${OVERHEAD:-${CARGO_TARGET_DIR:-target}/release/examples/overhead}
[[ -x $overhead ]] || { echo "state-overhead: build first: cargo build --release --workspace --examples"; exit 2; }
bench_starts_servers=yes
SCALECTL=${SCALECTL:-$overhead}
source benches/server.sh

start_redis
"$overhead" "$redis_url" "$seconds"
