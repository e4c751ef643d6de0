#!/usr/bin/env bash
# test/programs/house_retail.py in both ways: by one COPY, and in shuffled order.
# timeout: 900
# weight: 80
exec python3 "$(dirname "$0")/../programs/house_retail.py" copy shuffled
