#!/usr/bin/env bash
# test/programs/ingest_statements.py with every statement.
# timeout: 3600
exec python3 "$(dirname "$0")/../programs/ingest_statements.py" 1
