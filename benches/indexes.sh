#!/usr/bin/env bash
# What `migrate indexes` does to a feed over many documents, before and after one apply; and what a plan over many
# collections takes, beside a script that only lists the same indexes. Needs the servers of `make tools`.
# Usage: benches/indexes.sh [DOCUMENTS] [COLLECTIONS]
set -euo pipefail
cd "$(dirname "$0")/.."

documents=${1:-1000000}
collections=${2:-1000}
python=.tools/python/bin/python
[[ -x $python ]] || { echo "indexes: $python is missing: make tools"; exit 2; }
bench_starts_servers=yes
source benches/server.sh
start_mongodb

indexes() { "$scalectl" migrate indexes "$@" --uri "$mongodb_url" --quiet; }
helper() { "$python" benches/indexes.py "$@"; }

cat >"$work/feed.yaml" <<'YAML'
databases:
  bench:
    collections:
      posts:
        indexes:
          - keys: {author: 1, at: -1}
        queries:
          - name: feed
            find:
              filter: {author: {$sample: author}}
              sort: {at: -1}
              limit: 20
YAML

# What verify says of the feed, and the median time of it through a driver.
feed() {
  local when=$1 code=0
  indexes verify --spec "$work/feed.yaml" --output json >"$work/verify.json" || code=$?
  "$python" - "$work/verify.json" "$when" "$(helper query "$mongodb_url")" <<'PYTHON' || exit 1
import json, sys
file, when, took = sys.argv[1:]
query = json.load(open(file))["collections"][0]["queries"][0]
found = query["figures"]
print(f"{when:<14}  {query['verdict']:<7}  {found['returned']:>8}  {found['keysExamined']:>8,}  "
      f"{found['docsExamined']:>10,}  {found['examinedPerReturned']:>12,.1f}  {took:>8} ms")
PYTHON
  return "$code"
}

echo "A feed over $documents documents"
helper posts "$mongodb_url" "$documents"
printf '%-14s  %-7s  %8s  %8s  %10s  %12s  %11s\n' '' verify returned keys documents 'per returned' 'query'
feed 'before apply' && { echo 'indexes: the query was served without an index'; exit 1; }
indexes apply --spec "$work/feed.yaml" --yes --output json >"$work/apply.json"
feed 'after apply'
"$python" -c 'import json, sys
print("The build took %.1f s." % (json.load(open(sys.argv[1]))["steps"][0]["tookMs"] / 1000))' "$work/apply.json"

echo
echo "A plan over $collections collections with 8 indexes each, median of 5"
helper many "$mongodb_url" "$collections" "$work/many.yaml"
plan() {
  local begun=$EPOCHREALTIME
  indexes plan --spec "$work/many.yaml" --detailed-exit-code >/dev/null
  awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.0f\n", (b - a) * 1000 }'
}
row() { printf '%-44s  %8s ms\n' "$1" "$2"; }
row 'scalectl migrate indexes plan (with start)' "$(for _ in 1 2 3 4 5; do plan; done | sort -n | sed -n 3p)"
row 'pymongo lists them, one after the other' "$(helper list "$mongodb_url" 1)"
row 'pymongo lists them, 16 at once' "$(helper list "$mongodb_url" 16)"
