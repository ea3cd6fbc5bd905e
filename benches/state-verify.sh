#!/usr/bin/env bash
# How fast `migrate state verify` compares the memory of four processes with Redis, beside a pipelined read of the
# same keys that compares nothing, in the same run. Fails when verify does less than half of the read's rate.
# Build before: cargo build --release --workspace --examples. Usage: benches/state-verify.sh [KEYS]
set -euo pipefail
cd "$(dirname "$0")/.."

keys=${1:-1000000}
helper=${CARGO_TARGET_DIR:-target}/release/examples/state_bench
[[ -x $helper ]] || { echo "state-verify: build first: cargo build --release --workspace --examples"; exit 2; }
bench_starts_servers=yes
source benches/server.sh
start_redis
"$helper" hold "$redis_url" "$keys" >"$work/hold.out" 2>&1 &
server=$!
until grep -q ready "$work/hold.out"; do
  kill -0 "$server" || { cat "$work/hold.out"; exit 1; }
  sleep 0.2
done

python3 - "$scalectl" "$helper" "$redis_url" "$keys" "$work" <<'PYTHON'
import json, subprocess, sys
scalectl, helper, url, keys, work = sys.argv[1:]
keys = int(keys)
reads, verifications = [], []
for _ in range(3):
    read = subprocess.run([helper, "read", url], check=True, capture_output=True, text=True).stdout.split()
    assert int(read[0]) == keys, f"{read[0]} keys were read"
    reads.append(keys / float(read[1]))
    command = [scalectl, "migrate", "state", "verify", "--redis", url, "--output", "json", "--journal", f"{work}/journal"]
    done = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["coverage"]["compared"] == keys, done.stdout + done.stderr
    verifications.append(keys / (report["tookMs"] / 1000))
read, verified = sorted(reads)[1], sorted(verifications)[1]
print(f"{'':<34}  {'keys/s':>10}")
print(f"{'a pipelined read of Redis':<34}  {read:>10,.0f}")
print(f"{'verify: memory and Redis compared':<34}  {verified:>10,.0f}")
print(f"{keys:,} keys, median of 3: {verified / read:.2f} of the read")
sys.exit(0 if verified >= read / 2 else 1)
PYTHON
