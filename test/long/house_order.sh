#!/usr/bin/env bash
# test/programs/house_order.py with 200 random streams, those of every day among them.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/house_order.py" 200 1
