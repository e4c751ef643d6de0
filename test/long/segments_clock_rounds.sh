#!/usr/bin/env bash
# All 41 rounds of test/programs/segments_clock_simulation.py with the seed of every day.
# timeout: 900
# weight: 60
exec env PYTHONPATH="$(dirname "$0")/../programs${PYTHONPATH:+:$PYTHONPATH}" \
    /usr/bin/python3 "$(dirname "$0")/../programs/segments_clock_simulation.py" 41 2024
