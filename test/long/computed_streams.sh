#!/usr/bin/env bash
# test/programs/computed_streams.py with more rounds, those of every day among them: SEEDS (150) of them from SEED (1).
# timeout: 3600
exec env PYTHONPATH="$(dirname "$0")/../programs${PYTHONPATH:+:$PYTHONPATH}" \
    python3 "$(dirname "$0")/../programs/computed_streams.py" "${SEEDS:-150}" "${SEED:-1}"
