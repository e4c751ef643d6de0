#!/usr/bin/env bash
# The sweep of test/programs/identity_cancel.py, with larger components and every second millisecond.
# timeout: 7200
exec python3 "$(dirname "$0")/../programs/identity_cancel.py" 2000 2
