#!/usr/bin/env bash
# test/programs/house_arguments.py with 200 random tuples for each function.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/house_arguments.py" 200 1
