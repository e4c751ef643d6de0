-- The door: an INSERT of events derives all that follows from them.

CREATE FUNCTION cdp.ingest_events() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_ingest_events'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.ingest_events() IS
    'statement trigger on events: identities, profiles and segments follow the new events';
