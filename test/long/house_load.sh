#!/usr/bin/env bash
# The load of test/programs/house_load.py, minutes instead of seconds.
# timeout: 1800
exec python3 "$(dirname "$0")/../programs/house_load.py" 20
