-- cdp: install script. Built from the files named in sql/manifest.
\echo Use "CREATE EXTENSION cdp" to load this file. \quit

-- Types, operators and functions are everybody's; data is in the workspaces.
GRANT USAGE ON SCHEMA cdp TO PUBLIC;
