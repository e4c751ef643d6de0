#!/usr/bin/env bash
# The sweep of test/programs/house_timeouts.py, with larger statements and every second millisecond.
# timeout: 7200
exec python3 "$(dirname "$0")/../programs/house_timeouts.py" 3000 2
