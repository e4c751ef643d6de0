#!/usr/bin/env bash
# The simulation of the clock with 10,000 random predicates, others than those of every day.
# timeout: 1800
exec env PYTHONPATH="$(dirname "$0")/../programs${PYTHONPATH:+:$PYTHONPATH}" \
    /usr/bin/python3 "$(dirname "$0")/../programs/segments_clock_simulation.py" 400 "${SEED:-$(date +%Y%m%d)}"
