-- cdp: install script. Built from the parts named in sql/manifest.
\echo Use "CREATE EXTENSION cdp" to load this file. \quit
