#!/usr/bin/env bash
# Adds up the "test result:" lines of a cargo test log, and names what failed and what was not run.
set -euo pipefail

readonly log=$1

awk '
  /^test result: / { gsub(";", ""); passed += $4; failed += $6; ignored += $8 }
  /^test .* \.\.\. FAILED$/ { names = names "\n  failed: " $2 }
  /^test .* \.\.\. ignored/ { names = names "\n  not run: " $2 }
  END { printf "tests: %d passed, %d failed, %d not run%s\n", passed, failed, ignored, names }
' "$log"
