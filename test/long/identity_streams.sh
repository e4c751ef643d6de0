#!/usr/bin/env bash
# test/programs/identity_streams.py with 100 random streams, those of every day among them, three shuffles of each.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/identity_streams.py" 100 1 3
