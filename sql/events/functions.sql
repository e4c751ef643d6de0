-- Events: their ids, their canonical form, the identifier that anchors them, and a profile's events in order.

CREATE FUNCTION cdp.normalise_event() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_normalise_event'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.normalise_event() IS
    'row trigger on events: checks the event, fills in what was left out and sets its anchor';

CREATE FUNCTION cdp.event_id() RETURNS uuid
    AS 'MODULE_PATHNAME', 'cdp_event_id'
    LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.event_id() IS
    'a new event id, ordered by time (UUID version 7)';

CREATE FUNCTION cdp.event_id(message_id text) RETURNS uuid
    AS 'MODULE_PATHNAME', 'cdp_event_id_of'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.event_id(text) IS
    'the event id of another system''s message id, always the same (UUID version 5): a message delivered twice counts once. Null for what is no message id, blanks around it and case ignored: blank, null, undefined, none, nil, nan, [object Object], the nil UUID; such an event gets a new id';

CREATE FUNCTION cdp.effective_at(occurred_at timestamptz, received_at timestamptz, earliest timestamptz)
    RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cdp_effective_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.effective_at(timestamptz, timestamptz, timestamptz) IS
    'the effective time of an event, by which it counts everywhere: the earlier of occurred_at and received_at; received_at where occurred_at is before earliest, which is earliest_event of the settings';

CREATE FUNCTION cdp.earliest_event(workspace name) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cdp_earliest_event'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.earliest_event(name) IS
    'earliest_event of a workspace''s settings, for cdp.effective_at; error 3F000 for no workspace';

CREATE FUNCTION cdp.canonical_identifier(workspace name, identifier text) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'cdp_canonical_identifier'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.canonical_identifier(name, text) IS
    'an identifier in the form that the workspace''s events are given; null where its namespace cannot canonicalise it; error 22P02 for a text that is no identifier';

CREATE FUNCTION cdp.identifier_fault(workspace name, identifier text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_identifier_fault'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.identifier_fault(name, text) IS
    'why a canonical identifier identifies nobody by the workspace''s rules: blocked, or invalid (it does not match its namespace''s pattern); null where it may';

CREATE FUNCTION cdp.anchor_of(workspace name, identifiers text[]) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'cdp_anchor_of'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.anchor_of(name, text[]) IS
    'the anchor of an event with these identifiers by the workspace''s rules, generic values not left out; texts that are no identifiers do not count; null where it has none';

-- OFFSET 0 and no JIT: by the index on anchor and at once, even while the tables have no statistics yet.
CREATE FUNCTION cdp.timeline_body(workspace name, profile_id bigint)
    RETURNS TABLE (event_id uuid, at timestamptz, event text, source text, amount numeric,
                   currency text, identifiers text[], traits jsonb, properties jsonb)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $timeline$
DECLARE
    profile bigint := cdp.canonical(workspace, profile_id);
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers', 'events');
    RETURN QUERY EXECUTE format($query$
        SELECT e.event_id, e.at, e.event, e.source, e.amount, e.currency, e.identifiers, e.traits, e.properties
        FROM %1$I.identifiers i
        CROSS JOIN LATERAL (
            SELECT v.event_id, cdp.effective_at(v.occurred_at, v.received_at, $2) AS at, v.event, v.source,
                   v.amount, v.currency, v.identifiers, v.traits, v.properties
            FROM %1$I.events v
            WHERE v.anchor = i.identifier
            OFFSET 0) e
        WHERE i.profile_id = $1
        ORDER BY e.at, e.event_id
        $query$, workspace)
        USING profile, cdp.earliest_event(workspace);
END
$timeline$;
COMMENT ON FUNCTION cdp.timeline_body(name, bigint) IS
    'body of cdp.timeline, not to be called by itself';

CREATE FUNCTION cdp.timeline(workspace name, profile_id bigint)
    RETURNS TABLE (event_id uuid, at timestamptz, event text, source text, amount numeric,
                   currency text, identifiers text[], traits jsonb, properties jsonb)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE ROWS 100;
COMMENT ON FUNCTION cdp.timeline(name, bigint) IS
    'a profile''s events, those of profiles merged into it included, in the order of (at, event_id); at is the effective time, see cdp.effective_at; a merged profile''s id gives its survivor''s; error 3F000 for no workspace';
