-- Guards on what only the engine writes.

CREATE FUNCTION cdp.refuse_write() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_refuse_write'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.refuse_write() IS
    'trigger that refuses writes to immutable events and to tables that the engine derives';
