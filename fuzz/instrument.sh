#!/usr/bin/env bash
# What `fuzz/run.sh` has cargo call instead of rustc. Coverage goes into our crates and into the readers that hostile
# text is handed to; the other four hundred crates are compiled as always, which is most of the time saved.
set -euo pipefail

readonly OBSERVED=" scalectl history_check state_map serde_saphyr saphyr_parser serde_json minijinja jsonpath_rust \
hyper httparse cookie csv "

name=
for ((i = 2; i < $#; i++)); do
  [[ ${!i} == --crate-name ]] && j=$((i + 1)) && name=${!j}
done

flags=()
if [[ $OBSERVED == *" $name "* ]]; then
  flags=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
  )
fi
exec "$@" "${flags[@]}"
