#!/usr/bin/env bash
# test/programs/ingest_memory.py with twice the events of every day.
# timeout: 600
# weight: 45
exec python3 "$(dirname "$0")/../programs/ingest_memory.py" 200000
