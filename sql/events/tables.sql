-- Events: what happened, as it was received, and every event id that was ever taken. All else in a
-- workspace is derived from events. Inserts come in by two triggers: cdp.normalise_event checks and
-- completes a row, cdp.ingest_events (sql/ingest) derives what follows from a statement's rows.

CREATE FUNCTION cdp.create_events(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.events (
    event_id uuid NOT NULL DEFAULT cdp.event_id(),
    occurred_at timestamptz NOT NULL DEFAULT cdp.now(),
    received_at timestamptz NOT NULL DEFAULT cdp.now(),
    event text NOT NULL,
    source text,
    amount numeric,
    currency text,
    anchor cdp.identifier,
    identifiers text[] NOT NULL DEFAULT '{}',
    traits jsonb,
    properties jsonb
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX events_anchor_occurred_at_idx ON %1$I.events (anchor, occurred_at);

CREATE TABLE %1$I.event_ids (
    event_id uuid PRIMARY KEY
);

CREATE TRIGGER cdp_normalise BEFORE INSERT ON %1$I.events
    FOR EACH ROW EXECUTE FUNCTION cdp.normalise_event();
CREATE TRIGGER cdp_ingest AFTER INSERT ON %1$I.events
    REFERENCING NEW TABLE AS new_events
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.ingest_events();

COMMENT ON TABLE %1$I.events IS 'what happened, as it was received; immutable. Insert here and nowhere else';
COMMENT ON COLUMN %1$I.events.event_id IS 'counts once for ever; cdp.event_id(text) makes one of a foreign message id';
COMMENT ON COLUMN %1$I.events.occurred_at IS 'when it happened; the earlier of this and received_at counts';
COMMENT ON COLUMN %1$I.events.received_at IS 'when it came in, by the engine''s clock';
COMMENT ON COLUMN %1$I.events.event IS 'what happened, for example Order Completed';
COMMENT ON COLUMN %1$I.events.source IS 'where it came from, for example web, app, shop';
COMMENT ON COLUMN %1$I.events.amount IS 'money that changed hands: positive a purchase, negative a refund, zero neither';
COMMENT ON COLUMN %1$I.events.currency IS 'ISO 4217 code of the amount; empty: the workspace''s default';
COMMENT ON COLUMN %1$I.events.anchor IS 'set by the engine: the strongest usable identifier, which ties the event to a profile';
COMMENT ON COLUMN %1$I.events.identifiers IS 'namespace:value of whoever did it, as received; empty: nobody''s';
COMMENT ON COLUMN %1$I.events.traits IS 'JSON object of what is now known of the person; a JSON null unsets';
COMMENT ON COLUMN %1$I.events.properties IS 'JSON of what describes the event itself';

COMMENT ON TABLE %1$I.event_ids IS 'every event id ever taken, also of events that have expired';
COMMENT ON COLUMN %1$I.event_ids.event_id IS 'an event id that was taken';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_events(name) IS
    'makes the tables of events, and the triggers by which they come in; cdp.create_workspace calls it';

CREATE FUNCTION cdp.detach_events(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $detach$
DECLARE
    changes text;
BEGIN
    SELECT string_agg(format('ALTER COLUMN %I SET DEFAULT %s', d.name, d.value), ', ')
        INTO changes
        FROM (VALUES ('event_id', 'gen_random_uuid()', 'uuid'::regtype),
                     ('occurred_at', 'now()', 'timestamptz'::regtype),
                     ('received_at', 'now()', 'timestamptz'::regtype)) d(name, value, type)
        WHERE cdp.column_type(workspace, 'events', d.name) = d.type;
    IF changes IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %I.events %s', workspace, changes);
    END IF;
END
$detach$;
COMMENT ON FUNCTION cdp.detach_events(name) IS
    'gives the columns of events, in place of defaults that call the extension, PostgreSQL''s own; cdp.detach calls it';
