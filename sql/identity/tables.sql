-- Identity: which identifiers are one profile (identifiers), the evidence that was accepted
-- (identity_links) or refused (identity_refusals), which identifiers events show together
-- (identifier_companions), and which profiles became one or came apart (merges).

CREATE FUNCTION cdp.create_identity(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.identifiers (
    identifier cdp.identifier PRIMARY KEY,
    profile_id bigint,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    anchored_at timestamptz,
    generic boolean NOT NULL DEFAULT false
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX identifiers_profile_id_identifier_idx ON %1$I.identifiers (profile_id, identifier);

CREATE TABLE %1$I.identity_links (
    anchor cdp.identifier,
    identifier cdp.identifier,
    occurred_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (anchor, identifier)
);
CREATE INDEX identity_links_identifier_idx ON %1$I.identity_links (identifier);

CREATE TABLE %1$I.identity_refusals (
    identifier text COLLATE "C" NOT NULL,
    anchor cdp.identifier,
    reason text COLLATE "C" NOT NULL,
    detail text,
    occurred_at timestamptz NOT NULL,
    event_id uuid NOT NULL
);
CREATE UNIQUE INDEX identity_refusals_identifier_anchor_reason_idx
    ON %1$I.identity_refusals (identifier, anchor, reason);
CREATE INDEX identity_refusals_anchor_reason_idx ON %1$I.identity_refusals (anchor, reason);

CREATE TABLE %1$I.identifier_companions (
    identifier cdp.identifier,
    companion cdp.identifier,
    PRIMARY KEY (identifier, companion)
);

CREATE TABLE %1$I.merges (
    merged_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    merged_into bigint NOT NULL,
    merged_at timestamptz,
    cause text COLLATE "C" NOT NULL,
    event_id uuid,
    anchor cdp.identifier,
    identifier cdp.identifier,
    former_identifier cdp.identifier,
    own_columns jsonb,
    inherited text[],
    undone_at timestamptz,
    undone_cause text COLLATE "C",
    merge_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    CHECK ((undone_at IS NULL) = (undone_cause IS NULL)),
    CHECK (merged_at IS NOT NULL OR undone_at IS NOT NULL)
);
CREATE UNIQUE INDEX merges_merged_id_idx ON %1$I.merges (merged_id) WHERE undone_at IS NULL;
CREATE INDEX merges_profile_id_idx ON %1$I.merges (profile_id);

COMMENT ON TABLE %1$I.identifiers IS 'which profile an identifier belongs to';
COMMENT ON COLUMN %1$I.identifiers.identifier IS 'canonical identifier';
COMMENT ON COLUMN %1$I.identifiers.profile_id IS 'its profile; null: it was refused and anchors no event, or is generic';
COMMENT ON COLUMN %1$I.identifiers.first_seen IS 'effective time of the first event with it';
COMMENT ON COLUMN %1$I.identifiers.last_seen IS 'start of the UTC day of the last event with it, or first_seen where that is later: exact to the day';
COMMENT ON COLUMN %1$I.identifiers.anchored_at IS 'effective time of the first event that it anchors; null: it anchors none';
COMMENT ON COLUMN %1$I.identifiers.generic IS 'it was seen with so many people that it identifies nobody; when it was seen is not kept then';

COMMENT ON TABLE %1$I.identity_links IS 'accepted evidence: events that showed two identifiers together';
COMMENT ON COLUMN %1$I.identity_links.anchor IS 'the event''s strongest identifier';
COMMENT ON COLUMN %1$I.identity_links.identifier IS 'another identifier of the event';
COMMENT ON COLUMN %1$I.identity_links.occurred_at IS 'effective time of the earliest such event';
COMMENT ON COLUMN %1$I.identity_links.event_id IS 'the earliest such event';

COMMENT ON TABLE %1$I.identity_refusals IS 'refused evidence: identifiers that an event named and that identify nobody or would break a limit';
COMMENT ON COLUMN %1$I.identity_refusals.identifier IS 'the identifier, canonical; as received where it has no canonical form, of a text above 1,088 bytes the first 256 characters';
COMMENT ON COLUMN %1$I.identity_refusals.anchor IS 'the event''s strongest identifier; null: it has none';
COMMENT ON COLUMN %1$I.identity_refusals.reason IS 'invalid, blocked or generic: the value identifies nobody; too many: the event names more than max_identifiers of the settings; limit: a profile would have too many; separated: cdp.separate keeps two apart; merge: its kind may not merge profiles';
COMMENT ON COLUMN %1$I.identity_refusals.detail IS 'which limit would break, or which identifiers are kept apart';
COMMENT ON COLUMN %1$I.identity_refusals.occurred_at IS 'effective time of the earliest such event';
COMMENT ON COLUMN %1$I.identity_refusals.event_id IS 'the earliest such event';

COMMENT ON TABLE %1$I.identifier_companions IS 'values of stronger, limited namespaces that events show together with an identifier: who is seen with too many is generic';
COMMENT ON COLUMN %1$I.identifier_companions.identifier IS 'an identifier whose namespace has generic_after';
COMMENT ON COLUMN %1$I.identifier_companions.companion IS 'one that an event showed together with it';

COMMENT ON TABLE %1$I.merges IS 'profiles that were merged, what they resolve to, and what was undone';
COMMENT ON COLUMN %1$I.merges.merged_id IS 'former profile id; of a split without a merge before it, the new profile''s';
COMMENT ON COLUMN %1$I.merges.profile_id IS 'the profile it resolves to now; where it was undone, resolved to until then';
COMMENT ON COLUMN %1$I.merges.merged_into IS 'the profile it was merged into at the time';
COMMENT ON COLUMN %1$I.merges.merged_at IS 'instant of the merge, by the engine''s clock; null: it was split off without having been merged before';
COMMENT ON COLUMN %1$I.merges.cause IS 'event, link (a decision), rules or rebuild';
COMMENT ON COLUMN %1$I.merges.event_id IS 'event that showed they are one; null: no event did';
COMMENT ON COLUMN %1$I.merges.anchor IS 'that event''s strongest identifier; one of the two that were linked';
COMMENT ON COLUMN %1$I.merges.identifier IS 'the identifier that joined them';
COMMENT ON COLUMN %1$I.merges.former_identifier IS 'an identifier that the merged profile had: it has the id again where that comes apart';
COMMENT ON COLUMN %1$I.merges.own_columns IS 'the merged profile''s values of the users'' own columns, as text; null: it had none';
COMMENT ON COLUMN %1$I.merges.inherited IS 'users'' columns in which the survivor took over the merged profile''s value';
COMMENT ON COLUMN %1$I.merges.merge_id IS 'number of the row';
COMMENT ON COLUMN %1$I.merges.undone_at IS 'instant at which it came apart again; null: it did not';
COMMENT ON COLUMN %1$I.merges.undone_cause IS 'event (earlier evidence came late, or a value turned out generic), unlink, separate, rules or rebuild';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_identity(name) IS
    'makes the tables of identity; cdp.create_workspace calls it';

CREATE FUNCTION cdp.detached(value cdp.identifier) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN cdp.text(value);
COMMENT ON FUNCTION cdp.detached(cdp.identifier) IS
    'what an identifier becomes in a detached workspace: its text';

CREATE FUNCTION cdp.detached(value cdp.identifier[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN value::text[];
COMMENT ON FUNCTION cdp.detached(cdp.identifier[]) IS
    'what an array of identifiers becomes in a detached workspace: their texts';

-- What merges have recorded of the users' columns of profiles is by name, and text.
CREATE FUNCTION cdp.column_changed_identity(workspace name, former name, now name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $changed$
DECLARE
    type text;
    recorded text;
BEGIN
    PERFORM cdp.require_step(workspace);
    IF former <> now THEN
        EXECUTE format('UPDATE %I.merges m SET own_columns = (m.own_columns - $1) || jsonb_build_object($2, m.own_columns -> $1), '
                       'inherited = array_replace(m.inherited, $1, $2) WHERE m.own_columns ? $1', workspace)
            USING former::text, now::text;
    END IF;
    SELECT format_type(a.atttypid, a.atttypmod) INTO type
        FROM pg_attribute a
        WHERE a.attrelid = format('%I.profiles', workspace)::regclass AND a.attname = now;
    -- A text that is no value of the type any more is as if it had not been recorded.
    FOR recorded IN EXECUTE format('SELECT DISTINCT m.own_columns ->> $1 FROM %I.merges m '
                                   'WHERE m.own_columns ->> $1 IS NOT NULL', workspace) USING now::text
    LOOP
        BEGIN
            EXECUTE format('SELECT $1::%s', type) USING recorded;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|57)' THEN
                RAISE;
            END IF;
            EXECUTE format('UPDATE %I.merges m SET own_columns = m.own_columns - $1, '
                           'inherited = array_remove(m.inherited, $1) WHERE m.own_columns ->> $1 = $2', workspace)
                USING now::text, recorded;
        END;
    END LOOP;
END
$changed$;
COMMENT ON FUNCTION cdp.column_changed_identity(name, name, name) IS
    'what merges have recorded of a users'' column of profiles follows its new name; what is no value of its type any more is forgotten; cdp.watch_ddl calls it';

-- A merged profile's id may be larger than that of any profile: it must not be given to another customer.
CREATE FUNCTION cdp.promote_identity(workspace name) RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $promote$
DECLARE
    furthest bigint;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT greatest(max(m.merged_id), max(m.profile_id), max(m.merged_into)) FROM %I.merges m', workspace)
        INTO furthest;
    PERFORM cdp.move_sequence(pg_get_serial_sequence(format('%I.profiles', workspace), 'profile_id'), furthest);
END
$promote$;
COMMENT ON FUNCTION cdp.promote_identity(name) IS
    'step of cdp.promote, not to be called by itself: new profiles get ids beyond those of merged ones; no rows';
