#!/usr/bin/env bash
# The load of test/programs/identity_load.py, minutes instead of seconds.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/identity_load.py" 1500
