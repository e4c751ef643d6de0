-- Events: what happened, as it was received, and every event id that was ever taken. All else in a
-- workspace is derived from events. What came again under an id that was taken, but with other content,
-- leaves a sample (event_conflicts) and a count (event_counts), and changes nothing else. Inserts come in by two triggers: cdp.normalise_event checks and
-- completes a row, cdp.ingest_events (sql/ingest) derives what follows from a statement's rows.

CREATE FUNCTION cdp.create_events(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.events (
    event_id uuid NOT NULL DEFAULT cdp.event_id(),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT cdp.now(),
    event text NOT NULL,
    source text,
    amount numeric,
    currency text,
    anchor cdp.identifier,
    identifiers text[] NOT NULL DEFAULT '{}',
    traits jsonb,
    properties jsonb,
    content_hash bigint
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX events_anchor_occurred_at_idx ON %1$I.events (anchor, occurred_at);

CREATE TABLE %1$I.event_ids (
    event_id uuid PRIMARY KEY,
    content_hash bigint
);

CREATE TABLE %1$I.event_conflicts (
    event_id uuid NOT NULL,
    content jsonb NOT NULL,
    at timestamptz NOT NULL,
    conflict_id uuid PRIMARY KEY
);

CREATE TABLE %1$I.event_counts (
    ids_made bigint NOT NULL,
    conflicts bigint NOT NULL,
    count_id uuid PRIMARY KEY
);

CREATE TRIGGER cdp_normalise BEFORE INSERT ON %1$I.events
    FOR EACH ROW EXECUTE FUNCTION cdp.normalise_event();
CREATE TRIGGER cdp_ingest AFTER INSERT ON %1$I.events
    REFERENCING NEW TABLE AS new_events
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.ingest_events();

COMMENT ON TABLE %1$I.events IS 'what happened, as it was received; immutable. Insert here and nowhere else';
COMMENT ON COLUMN %1$I.events.event_id IS 'counts once for ever; cdp.event_id(text) makes one of a foreign message id; null or the nil UUID: a new one';
COMMENT ON COLUMN %1$I.events.occurred_at IS 'when it happened; left out: when it was received. See cdp.effective_at for which time counts';
COMMENT ON COLUMN %1$I.events.received_at IS 'when it came in, by the engine''s clock, and never later than that';
COMMENT ON COLUMN %1$I.events.event IS 'what happened, for example Order Completed';
COMMENT ON COLUMN %1$I.events.source IS 'where it came from, for example web, app, shop';
COMMENT ON COLUMN %1$I.events.amount IS 'money that changed hands: positive a purchase, negative a refund, zero neither';
COMMENT ON COLUMN %1$I.events.currency IS 'ISO 4217 code of the amount; empty: the workspace''s default';
COMMENT ON COLUMN %1$I.events.anchor IS 'set by the engine: the strongest usable identifier, which ties the event to a profile';
COMMENT ON COLUMN %1$I.events.identifiers IS 'namespace:value of whoever did it, as received; empty: nobody''s';
COMMENT ON COLUMN %1$I.events.traits IS 'JSON object of what is now known of the person; a JSON null unsets';
COMMENT ON COLUMN %1$I.events.properties IS 'JSON of what describes the event itself';
COMMENT ON COLUMN %1$I.events.content_hash IS 'set by the engine: hash of what the application sent; the lowest bit says that it sent no event id; null: the event came in while the triggers were off';

COMMENT ON TABLE %1$I.event_ids IS 'every event id ever taken, also of events that have expired';
COMMENT ON COLUMN %1$I.event_ids.event_id IS 'an event id that was taken';
COMMENT ON COLUMN %1$I.event_ids.content_hash IS 'content_hash of the event that took it: a repeat with another one has other content; null: not known';

COMMENT ON TABLE %1$I.event_conflicts IS 'repeats of an event id with other content, which counted for nothing: the first 1,000; DELETE those you have looked at, to see later ones';
COMMENT ON COLUMN %1$I.event_conflicts.event_id IS 'the event id that was taken';
COMMENT ON COLUMN %1$I.event_conflicts.content IS 'what came again, by the columns of events; columns above 8 kB are named in left_out instead';
COMMENT ON COLUMN %1$I.event_conflicts.at IS 'instant at which it came again';
COMMENT ON COLUMN %1$I.event_conflicts.conflict_id IS 'names the row';

COMMENT ON TABLE %1$I.event_counts IS 'what cdp.status counts of events: the sum of the rows. A transaction adds to one that no other has locked';
COMMENT ON COLUMN %1$I.event_counts.ids_made IS 'events that came without an event id';
COMMENT ON COLUMN %1$I.event_counts.conflicts IS 'repeats of an event id with other content';
COMMENT ON COLUMN %1$I.event_counts.count_id IS 'names the row';
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
