#!/usr/bin/env bash
# test/tap/house_crash.pl with 20 rounds.
# timeout: 1800
if output=$(env -u CLUSTER_PARENT CDP_ROUNDS=20 CDP_TEST_BUDGET=1700 "$(dirname "$0")/../run" tap/house_crash 2>&1); then
    echo "ok 1 - 20 rounds of kill -9"
else
    echo "$output" | sed 's/^/# /'
    echo "not ok 1 - 20 rounds of kill -9"
fi
echo "1..1"
