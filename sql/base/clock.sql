-- The engine's clock, and the check that a text names no time relative to it.

CREATE FUNCTION cdp.now() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cdp_clock_now'
    LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.now() IS
    'the engine''s clock: the setting cdp.clock where it is set, else clock_timestamp()';

CREATE FUNCTION cdp.statement_now() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cdp_clock_statement_now'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.statement_now() IS
    'the time that readers take for now: the setting cdp.clock where it is set, else statement_timestamp()';

CREATE FUNCTION cdp.absolute_time_text(value text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_absolute_time_text'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.absolute_time_text(text) IS
    'its argument, or an error (22007) where that names a time relative to the clock, like today; the engine puts it under casts of text to dates and times in predicates';
