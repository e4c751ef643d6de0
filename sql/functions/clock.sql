-- The engine's clock.

CREATE FUNCTION cdp.now() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cdp_clock_now'
    LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.now() IS
    'the engine''s clock: the setting cdp.clock where it is set, else clock_timestamp()';
