#!/usr/bin/env bash
# phone.c against python3-phonenumbers over a million mutations; see test/programs.
# timeout: 1800
exec python3 "$(dirname "$0")/../programs/normalise_phone_differential.py" 1000000 2
