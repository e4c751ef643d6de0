#!/usr/bin/env bash
# test/programs/judge.py with 50 random states, those of every day among them.
# timeout: 900
# weight: 100
exec python3 "$(dirname "$0")/../programs/judge.py" 50 1
