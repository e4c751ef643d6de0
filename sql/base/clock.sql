-- The engine's clock.

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

-- Event ids.

CREATE FUNCTION cdp.event_id() RETURNS uuid
    AS 'MODULE_PATHNAME', 'cdp_event_id'
    LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.event_id() IS
    'a new event id, ordered by time (UUID version 7)';

CREATE FUNCTION cdp.event_id(message_id text) RETURNS uuid
    AS 'MODULE_PATHNAME', 'cdp_event_id_of'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.event_id(text) IS
    'the event id of another system''s message id, always the same (UUID version 5): a message delivered twice counts once';
