#!/usr/bin/env bash
# The short suite three times beside two busy loops for each core: no result depends on time.
# timeout: 14400
# weight: 3000
# alone: it keeps every core busy
#
#   test/long/house_busy.sh [RUNS [NAME ...]]     how often (3), and which tests (all)
set -u
cd "$(dirname "$0")/../.."
runs=${1:-3}
shift || true

# By their numbers, whatever happens; and none outlives this script.
loops=()
end_loops() { [ ${#loops[@]} = 0 ] || kill "${loops[@]}" 2>/dev/null; }
trap end_loops EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for _ in $(seq $((2 * $(nproc)))); do
    (while kill -0 $$ 2>/dev/null; do for ((i = 0; i < 100000; i++)); do :; done; done) &
    loops+=($!)
done

failed=0
for n in $(seq "$runs"); do
    # as from a shell of its own
    if output=$(env -u CLUSTER_PARENT -u CDP_SLOWNESS -u CDP_TEST_SLOWNESS -u CDP_TEST_BUDGET -u ONLY test/run "$@" 2>&1); then
        echo "ok $n - run $n: $(tail -n 1 <<<"$output")"
        grep -E '^[0-9]+ tests' <<<"$output" | sed 's/^/# /'
        grep -E 'once more' <<<"$output" | sed 's/^/# /'
    else
        failed=1
        sed 's/^/# /' <<<"$output"
        echo "not ok $n - run $n: $(tail -n 1 <<<"$output")"
    fi
done
echo "1..$runs"
exit $failed
