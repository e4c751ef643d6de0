-- Computed traits: their definitions, and how profiles are filled from past events.

CREATE FUNCTION cdp.define_computed_traits() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_define_computed_traits'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.define_computed_traits() IS
    'statement trigger on computed_traits: checks the definitions, fills the traits from the events, and evaluates the segments that read them';

CREATE FUNCTION cdp.computed_accum(state internal, profile_id bigint, event anyelement) RETURNS internal
    AS 'MODULE_PATHNAME', 'cdp_computed_accum'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.computed_accum(internal, bigint, anyelement) IS
    'transition function of cdp.computed_agg';

CREATE FUNCTION cdp.computed_final(state internal, profile_id bigint, event anyelement) RETURNS cdp.computed
    AS 'MODULE_PATHNAME', 'cdp_computed_final'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.computed_final(internal, bigint, anyelement) IS
    'final function of cdp.computed_agg';

CREATE AGGREGATE cdp.computed_agg(profile_id bigint, event anyelement) (
    SFUNC = cdp.computed_accum,
    STYPE = internal,
    SSPACE = 600,
    FINALFUNC = cdp.computed_final,
    FINALFUNC_EXTRA,
    FINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = UNSAFE
);
COMMENT ON AGGREGATE cdp.computed_agg(bigint, anyelement) IS
    'the states of the computed traits that are being defined, of a profile''s events; error 55000 elsewhere';

CREATE FUNCTION cdp.computed_without(computed cdp.computed, names text[]) RETURNS cdp.computed
    AS 'MODULE_PATHNAME', 'cdp_computed_without'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_without(cdp.computed, text[]) IS
    'the value without the computed traits of these names';

CREATE FUNCTION cdp.has_computed(computed cdp.computed, names text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'cdp_has_computed'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_computed(cdp.computed, text[]) IS
    'whether the value has a state of one of the computed traits of these names';

CREATE FUNCTION cdp.computed_trait_fault(workspace name, trait text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_computed_trait_fault'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.computed_trait_fault(name, text) IS
    'why a computed trait''s definition has lost its meaning, as when a column of events was dropped; null: it has not';

-- What profiles have of the traits that are gone or defined anew goes away; what they have of the
-- defined ones is put there: with their events, or as without any. One statement writes each profile
-- that has such events once, the second the others.
CREATE FUNCTION cdp.backfill_computed(workspace name, gone text[], nobody cdp.computed, events text[], fill boolean)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $backfill$
DECLARE
    names text[] := ARRAY(SELECT e.name FROM cdp.computed_entries(nobody, cdp.now()) e);
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('DELETE FROM %1$I.computed_trait_failures c WHERE c.trait = ANY ($1)', workspace) USING gone;
    EXECUTE format('UPDATE %1$I.opening_balances b SET computed = cdp.computed_without(b.computed, $1) '
                   'WHERE cdp.has_computed(b.computed, $1)', workspace) USING gone;
    IF gone <> '{}' THEN
        EXECUTE format('UPDATE %1$I.profiles p SET computed = cdp.computed_without(p.computed, $1) '
                       'WHERE cdp.has_computed(p.computed, $1)', workspace) USING gone;
    END IF;
    IF fill THEN
        EXECUTE format($query$
UPDATE %1$I.profiles p SET computed = cdp.merge(p.computed, cdp.merge($1, f.computed))
FROM (SELECT i.profile_id, cdp.computed_agg(i.profile_id, e) AS computed
      FROM %1$I.events e
      JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) e.anchor
      WHERE i.profile_id IS NOT NULL AND (e.event = ANY ($2) OR $2 IS NULL)
      GROUP BY i.profile_id) f
WHERE p.profile_id = f.profile_id AND f.computed <> '{}'
            $query$, workspace) USING nobody, events;
    END IF;
    IF names <> '{}' THEN
        EXECUTE format('UPDATE %1$I.profiles p SET computed = cdp.merge(p.computed, $1) '
                       'WHERE NOT cdp.has_computed(p.computed, $2)', workspace) USING nobody, names[1:1];
    END IF;
END
$backfill$;
COMMENT ON FUNCTION cdp.backfill_computed(name, text[], cdp.computed, text[], boolean) IS
    'step of the definition of computed traits, not to be called by itself';

CREATE FUNCTION cdp.promote_computed(workspace name) RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $promote$
BEGIN
    PERFORM cdp.require_step(workspace);
    RETURN QUERY EXECUTE format('SELECT format(''Computed trait "%%s": %%s.'', t.name, f.fault) '
                                'FROM %I.computed_traits t '
                                'CROSS JOIN LATERAL (SELECT cdp.computed_trait_fault($1, t.name) OFFSET 0) f(fault) '
                                'WHERE f.fault IS NOT NULL ORDER BY t.name', workspace) USING workspace;
END
$promote$;
COMMENT ON FUNCTION cdp.promote_computed(name) IS
    'step of cdp.promote, not to be called by itself: a row per computed trait that does not compile';
