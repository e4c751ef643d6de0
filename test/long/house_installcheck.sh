#!/usr/bin/env bash
# make installcheck: test/sql and test/isolation one after the other, each set in one database, on a running server.
# timeout: 1200
# weight: 150
set -u
cd "$(dirname "$0")/../.."
if output=$(make --no-print-directory -s installcheck with_llvm=no 2>&1); then
    echo "ok 1 - $(grep -cE '^(ok|test .* ok)' <<<"$output") tests of make installcheck"
else
    sed 's/^/# /' <<<"$output"
    for differences in test/results/regression.diffs test/results/output_iso/regression.diffs; do
        [ -f "$differences" ] && sed 's/^/# /' "$differences"
    done
    echo "not ok 1 - make installcheck"
fi
echo "1..1"
