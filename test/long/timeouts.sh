#!/usr/bin/env bash
# The sweep of test/programs/timeouts.py, with larger statements and every second millisecond.
# timeout: 7200
exec python3 "$(dirname "$0")/../programs/timeouts.py" 3000 2
