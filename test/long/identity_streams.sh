#!/usr/bin/env bash
# test/programs/identity_streams.py with 100 random streams, three shuffles of each.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/identity_streams.py" 100 1000 3
