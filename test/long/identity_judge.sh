#!/usr/bin/env bash
# test/programs/identity_judge.py with 50 random states, those of every day among them.
# timeout: 900
# weight: 100
exec python3 "$(dirname "$0")/../programs/identity_judge.py" 50 1
