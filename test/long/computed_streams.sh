#!/usr/bin/env bash
# test/programs/computed_streams.py with other rounds than those of every day: SEEDS (150) of them from SEED.
# timeout: 3600
exec env PYTHONPATH="$(dirname "$0")/../programs${PYTHONPATH:+:$PYTHONPATH}" \
    python3 "$(dirname "$0")/../programs/computed_streams.py" "${SEEDS:-150}" "${SEED:-1000}"
