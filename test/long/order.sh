#!/usr/bin/env bash
# test/programs/order.py with 200 random streams, those of every day among them.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/order.py" 200 1
