#!/usr/bin/env bash
# The load of test/programs/identity_load.py, a minute instead of seconds.
# timeout: 900
exec python3 "$(dirname "$0")/../programs/identity_load.py" 60
