#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while, from what the repository has of its kind. Needs a C++ compiler, for
# libFuzzer; no nightly toolchain: coverage is a stable option of rustc, and no code of ours is unsafe, so there is nothing
# for a sanitizer to see. What ends a target is kept in fuzz/artifacts; inputs that reached new code in target/fuzz/corpus.
# Usage: fuzz/run.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-120}
targets=("${@:2}")
((${#targets[@]})) || mapfile -t targets < <(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"/\1/p' Cargo.toml)
command -v c++ >/dev/null || { echo "fuzz: a C++ compiler is missing; apt-get install g++"; exit 2; }

# What a target begins with.
seeds() {
  case $1 in
    scenario) echo ../scenarios ../docs/examples ;;
    index_spec) echo ../indexes ;;
    mongoose_source) find ../tests/fixtures/mongoose -mindepth 1 -type d ;;
    *) echo "seeds/$1" ;;
  esac
}

# The versions that are tested are the versions that are fuzzed.
cp ../Cargo.lock Cargo.lock
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/../target/fuzz}
RUSTC_WRAPPER=$PWD/instrument.sh "${CARGO:-cargo}" build --release

failed=()
for target in "${targets[@]}"; do
  corpus=$CARGO_TARGET_DIR/corpus/$target
  mkdir -p "$corpus" "artifacts/$target"
  echo "fuzz: $target for $seconds s"
  # shellcheck disable=SC2046
  "$CARGO_TARGET_DIR/release/$target" "$corpus" $(seeds "$target") -max_total_time="$seconds" -max_len=16384 \
    -timeout=10 -rss_limit_mb=2048 -artifact_prefix="artifacts/$target/" -print_final_stats=1 \
    >"$CARGO_TARGET_DIR/$target.log" 2>&1 || failed+=("$target")
  grep -aE '^stat::(number_of_executed_units|new_units_added)|^(Done|SUMMARY)|panicked at' "$CARGO_TARGET_DIR/$target.log" || true
done
((!${#failed[@]})) && exit
for target in "${failed[@]}"; do
  echo "fuzz: $target ended; see $CARGO_TARGET_DIR/$target.log, and run $CARGO_TARGET_DIR/release/$target fuzz/artifacts/$target/*"
done
exit 1
