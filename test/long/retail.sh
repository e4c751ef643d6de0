#!/usr/bin/env bash
# test/programs/retail.py in both ways: by one COPY, and in shuffled order.
# timeout: 900
# weight: 80
exec python3 "$(dirname "$0")/../programs/retail.py" copy shuffled
