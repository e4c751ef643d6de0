#!/usr/bin/env bash
# test/programs/ddl_random.py with more rounds, those of every day among them: SEEDS (100) of them from SEED (1).
# timeout: 3600
exec env PYTHONPATH="$(dirname "$0")/../programs${PYTHONPATH:+:$PYTHONPATH}" \
    python3 "$(dirname "$0")/../programs/ddl_random.py" "${SEEDS:-100}" "${SEED:-1}"
