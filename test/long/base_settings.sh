#!/usr/bin/env bash
# test/programs/base_settings.py with 2,000 random texts of cdp.clock.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/base_settings.py" 2000 1
