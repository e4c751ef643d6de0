-- DDL under definitions: what a command does to the columns, types and other objects that definitions of
-- workspaces name, see src/ddl. The first trigger reads what they mean before a command, the second one
-- compares. They also warn whoever drops a table or trigger of a workspace by itself.

CREATE FUNCTION cdp.watch_ddl() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'cdp_watch_ddl'
    LANGUAGE C;
COMMENT ON FUNCTION cdp.watch_ddl() IS
    'event trigger: definitions follow renamed columns, and are derived again where the command changes what they mean; error 2BP01 where one would not compile any more, 0A000 where a column of the engine''s is rewritten';

CREATE FUNCTION cdp.expect_drops(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_expect_drops'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.expect_drops(name) IS
    'the transaction takes the workspace apart: dropping its tables and triggers gives no more warnings; cdp.detach calls it';

CREATE EVENT TRIGGER cdp_before_ddl ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE',
                 'ALTER DOMAIN', 'ALTER COLLATION', 'ALTER SCHEMA', 'ALTER EXTENSION',
                 'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER AGGREGATE', 'ALTER OPERATOR',
                 'CREATE FUNCTION', 'CREATE OPERATOR', 'CREATE CAST', 'CREATE EXTENSION',
                 'DROP TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'DROP TRIGGER', 'DROP TYPE',
                 'DROP DOMAIN', 'DROP COLLATION', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION',
                 'DROP FUNCTION', 'DROP ROUTINE', 'DROP AGGREGATE', 'DROP OPERATOR', 'DROP CAST')
    EXECUTE FUNCTION cdp.watch_ddl();
COMMENT ON EVENT TRIGGER cdp_before_ddl IS
    'reads what definitions of workspaces mean, before a command that may change it';

CREATE EVENT TRIGGER cdp_after_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE',
                 'ALTER DOMAIN', 'ALTER COLLATION', 'ALTER SCHEMA', 'ALTER EXTENSION',
                 'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER AGGREGATE', 'ALTER OPERATOR',
                 'CREATE FUNCTION', 'CREATE OPERATOR', 'CREATE CAST', 'CREATE EXTENSION',
                 'DROP TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'DROP TRIGGER', 'DROP TYPE',
                 'DROP DOMAIN', 'DROP COLLATION', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION',
                 'DROP FUNCTION', 'DROP ROUTINE', 'DROP AGGREGATE', 'DROP OPERATOR', 'DROP CAST')
    EXECUTE FUNCTION cdp.watch_ddl();
COMMENT ON EVENT TRIGGER cdp_after_ddl IS
    'compares what definitions of workspaces mean with what they meant before the command';
