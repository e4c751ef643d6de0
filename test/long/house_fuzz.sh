#!/usr/bin/env bash
# libFuzzer with the address and undefined-behaviour sanitizers on what reads untrusted text.
# timeout: 7200
#
#   test/long/house_fuzz.sh [SECONDS [NAME ...]]    600 seconds for each of test/fuzz/NAME_fuzz.c
#
# Starts from test/fuzz/corpus/NAME. What is found, and the grown corpus, stay in tmp/fuzz.
set -u
cd "$(dirname "$0")/../.."
seconds=${1:-600}
shift || true
names=${*:-identifier email phone segment_query}

clang=$(command -v clang || command -v clang-14) || { echo "1..0 # SKIP clang is not installed"; exit 0; }
sources="src/normalise/normalise.c src/normalise/email.c src/normalise/phone.c
    src/normalise/phone_text.c src/normalise/phone_table.c src/normalise/unicode.c
    src/types/segment_query_text.c src/types/segment_set_text.c"
n=0
failed=0
for name in $names; do
    n=$((n + 1))
    mkdir -p "tmp/fuzz/$name"
    dictionary=test/fuzz/$name.dict
    [ -f "$dictionary" ] || dictionary=test/fuzz/normalise.dict
    # shellcheck disable=SC2086,SC2046
    if "$clang" -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
            -I src -I test/fuzz -isystem "$(${PG_CONFIG:-pg_config} --includedir-server)" -o "tmp/fuzz/${name}_fuzz" "test/fuzz/${name}_fuzz.c" $sources \
            $(pkg-config --cflags --libs icu-uc icu-i18n) &&
        nice -n 19 "tmp/fuzz/${name}_fuzz" -max_total_time="$seconds" -max_len=1400 -timeout=5 \
            -dict="$dictionary" -artifact_prefix="tmp/fuzz/${name}-" \
            "tmp/fuzz/$name" "test/fuzz/corpus/$name" >"tmp/fuzz/$name.log" 2>&1; then
        echo "ok $n - $name: $(grep -E '^Done' "tmp/fuzz/$name.log")"
    else
        failed=1
        tail -n 40 "tmp/fuzz/$name.log" | sed 's/^/# /'
        echo "not ok $n - $name"
    fi
done
echo "1..$n"
exit $failed
