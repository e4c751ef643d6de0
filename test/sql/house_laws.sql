-- Laws 2, 3 and 5: any order and any split of the same events gives the same state; a rollback leaves nothing; a repeated id changes
-- nothing; what is stored is what is recomputed. Random streams by fixed seeds; no limit is hit (what a limit refuses depends on order
-- until the evidence is replayed).
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
SET cdp.clock = '2024-12-31 00:00+00';

-- A number from 0 to n - 1: the same for the same seed and salt, on every machine
CREATE FUNCTION public.law_random(seed text, salt text, n int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT ('x' || substr(md5(seed || '/' || salt), 1, 7))::bit(28)::int % n $$;

-- A stream: events with no to five identifiers of every kind, times with ties and clocks that are ahead, traits that come and go, amounts
CREATE FUNCTION public.law_stream(seed text, n int) RETURNS TABLE (i int, event_id uuid, occurred_at timestamptz, received_at timestamptz, source text, identifiers text[], traits jsonb, amount numeric, currency text)
IMMUTABLE LANGUAGE sql AS $$
    SELECT i, cdp.event_id('law ' || seed || ' ' || i), at, at + (law_random(seed, 'late' || i, 5) - 1) * interval '3 hours', (ARRAY['web', 'app', NULL])[1 + law_random(seed, 'source' || i, 3)],
           ARRAY(SELECT CASE law_random(seed, 'kind' || i || ' ' || k, 12)
                            WHEN 0 THEN 'user_id:u' || law_random(seed, 'id' || i || ' ' || k, n) WHEN 1 THEN 'Email:E' || law_random(seed, 'id' || i || ' ' || k, n) || '@Example.com'
                            WHEN 2 THEN 'card:k' || law_random(seed, 'id' || i || ' ' || k, n / 2) WHEN 3 THEN 'device:d' || law_random(seed, 'id' || i || ' ' || k, n / 2)
                            WHEN 4 THEN 'phone:+849815536' || lpad(law_random(seed, 'id' || i || ' ' || k, 100)::text, 2, '0') WHEN 5 THEN 'cookie:NULL' WHEN 6 THEN 'phone:12' WHEN 7 THEN NULL
                            ELSE 'cookie:c' || law_random(seed, 'id' || i || ' ' || k, 2 * n) END
                 FROM generate_series(1, law_random(seed, 'ids' || i, 6)) AS k),
           CASE WHEN law_random(seed, 'traits' || i, 3) > 0 THEN
               jsonb_build_object(chr(97 + law_random(seed, 'key1' || i, 4)), NULLIF(law_random(seed, 'value1' || i, 4), 0), chr(97 + law_random(seed, 'key2' || i, 4)), (ARRAY['x', 'y', NULL])[1 + law_random(seed, 'value2' || i, 3)]) END,
           CASE WHEN law_random(seed, 'amount' || i, 2) = 0 THEN (law_random(seed, 'amount' || i || 'v', 20001) - 5000) / 1000.0 END, (ARRAY['USD', 'vnd', 'KWD', NULL])[1 + law_random(seed, 'currency' || i, 4)]
    FROM (SELECT i, timestamptz '2024-01-01 00:00+00' + law_random(seed, 'at' || i, 60) * interval '7 hours' AS at FROM generate_series(1, n) AS i) AS s
$$;

-- What DESIGN calls state: the partition of the identifiers, each profile named by its smallest; values, counts, times, names of segments.
-- And the evidence, whose earliest event must not depend on order either
CREATE FUNCTION public.law_digest(workspace name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    digest text;
BEGIN
    EXECUTE format($q$
SELECT md5(string_agg(part, E'\n' ORDER BY part COLLATE "C")) FROM (
    SELECT format('profile %%s: %%s, traits %%s, ltv %%s, %%s events, %%s to %%s, in %%s', min(i.identifier), string_agg(cdp.text(i.identifier), ' ' ORDER BY i.identifier), p.traits, p.ltv, p.event_count, p.first_seen, p.last_seen, p.segments::text[]) AS part
        FROM %1$I.profiles p JOIN %1$I.identifiers i USING (profile_id) GROUP BY p.profile_id UNION ALL
    SELECT format('%%s of %%s: %%s to %%s', i.identifier, i.profile_id IS NULL, i.first_seen, i.last_seen) FROM %1$I.identifiers i UNION ALL
    SELECT format('%%s = %%s: %%s %%s', l.anchor, l.identifier, l.occurred_at, l.event_id) FROM %1$I.identity_links l UNION ALL
    SELECT format('%%s <> %%s: %%s %%s %%s', r.anchor, r.identifier, r.reason, r.occurred_at, r.event_id) FROM %1$I.identity_refusals r UNION ALL
    SELECT format('%%s %%s %%s', e.event_id, e.anchor, e.currency) FROM %1$I.events e UNION ALL
    SELECT e.event_id::text FROM %1$I.event_ids e) AS parts
    $q$, workspace) INTO digest;
    RETURN digest;
END
$$;

-- Inserts the events of a stream, ordered by "arrangement", split into statements of "size" rows (0: at random)
CREATE FUNCTION public.law_insert(workspace name, seed text, n int, arrangement text, size int, again boolean, undo boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    batch int;
    columns text := 'event_id, event, occurred_at, received_at, source, identifiers, traits, amount, currency';
    statement text;
BEGIN
    CREATE TEMP TABLE law_events ON COMMIT DROP AS
        SELECT *, CASE WHEN size = 0 THEN sum(CASE WHEN law_random(arrangement, 'cut' || place, 8) = 0 THEN 1 ELSE 0 END) OVER (ORDER BY place) ELSE (place - 1) / size END AS batch
        FROM (SELECT *, row_number() OVER (ORDER BY CASE arrangement WHEN 'time' THEN to_char(least(occurred_at, received_at), 'YYYYMMDDHH24MI') || event_id
                                                             WHEN 'reverse' THEN lpad((n - i)::text, 9, '0') WHEN 'as it comes' THEN lpad(i::text, 9, '0') ELSE md5(arrangement || i) END) AS place
              FROM public.law_stream(seed, n)) AS s;
    statement := format('INSERT INTO %I.events (%s) SELECT event_id, ''e'' || i, occurred_at, received_at, source, identifiers, traits, amount, currency FROM pg_temp.law_events', workspace, columns);
    FOR batch IN SELECT DISTINCT e.batch FROM pg_temp.law_events e ORDER BY 1 LOOP
        IF undo THEN
            BEGIN
                EXECUTE statement || ' WHERE batch = $1 ORDER BY place' USING batch;
                RAISE EXCEPTION 'undone' USING ERRCODE = 'P0001';
            EXCEPTION WHEN raise_exception THEN
                NULL;
            END;
        END IF;
        EXECUTE statement || ' WHERE batch = $1 ORDER BY place' USING batch;
        IF again THEN
            -- some of what has been inserted, twice in one statement, and with other contents
            EXECUTE statement || ' CROSS JOIN generate_series(1, 2) WHERE batch <= $1 AND place % 3 = $1 % 3 ORDER BY place' USING batch;
            EXECUTE format('INSERT INTO %I.events (event_id, event, identifiers, amount) SELECT event_id, ''again'', ARRAY[''cookie:again'', ''user_id:again''], 1000 FROM pg_temp.law_events WHERE batch <= $1 AND place %% 5 = 0', workspace) USING batch;
        END IF;
    END LOOP;
    DROP TABLE pg_temp.law_events;
END
$$;

CREATE FUNCTION public.law_run(seed text, n int, arrangement text, size int, batch_events int DEFAULT 50000, again boolean DEFAULT false, undo boolean DEFAULT false, rebuild boolean DEFAULT false,
                               OUT digest text, OUT faults bigint, OUT profiles bigint, OUT merges bigint) LANGUAGE plpgsql AS $$
BEGIN
    -- undone at the end, so that some runs fit into one statement's locks
    BEGIN
        PERFORM set_config('cdp.batch_events', batch_events::text, true);
        PERFORM cdp.create_workspace('laws');
        UPDATE laws.identifier_namespaces SET max_per_profile = NULL;
        INSERT INTO laws.segments VALUES ('buyers', 'cdp.purchases(ltv) > 0'), ('two', 'event_count BETWEEN 2 AND 4'), ('a', 'traits ? ''a'''), ('fails', '(traits->>''b'')::int > 1'), ('early', 'first_seen < ''2024-01-05''');
        PERFORM public.law_insert('laws', seed, n, arrangement, size, again, undo);
        IF rebuild THEN
            PERFORM cdp.rebuild('laws');
        END IF;
        digest := public.law_digest('laws');
        faults := (SELECT count(*) FROM cdp.check('laws'));
        profiles := (SELECT count(*) FROM laws.profiles);
        merges := (SELECT count(*) FROM laws.merges);
        RAISE EXCEPTION 'undone' USING ERRCODE = 'P0001';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
END
$$;

-- The streams are what they should be: people of one event and of many, merges, repeats of identifiers
SELECT seed, r.profiles > 20 AS many_profiles, r.merges > 0 AS merges, r.faults FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS seed, law_run(seed, 60, 'time', 1) AS r ORDER BY seed;
CREATE TEMP TABLE golden AS SELECT seed, (law_run(seed, 60, 'time', 1)).digest FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS seed;
CREATE FUNCTION public.law_compare(arrangement text, size int, batch_events int DEFAULT 50000, again boolean DEFAULT false, undo boolean DEFAULT false, rebuild boolean DEFAULT false,
                                   OUT seeds bigint, OUT same_state bigint, OUT faults bigint) LANGUAGE sql AS $$
    SELECT count(*), count(*) FILTER (WHERE r.digest = g.digest), sum(r.faults) FROM pg_temp.golden g, public.law_run(g.seed, 60, arrangement, size, batch_events, again, undo, rebuild) AS r
$$;
SELECT * FROM law_compare('as it comes', 1);
SELECT * FROM law_compare('reverse', 1);
SELECT * FROM law_compare('shuffle 1', 1);
SELECT * FROM law_compare('as it comes', 1000);
SELECT * FROM law_compare('shuffle 2', 1000);
SELECT * FROM law_compare('shuffle 3', 0);
-- ... with repeats of what has come before, in later statements
SELECT * FROM law_compare('shuffle 4', 0, again => true);
-- ... with each statement undone once by a subtransaction
SELECT * FROM law_compare('shuffle 5', 0, undo => true);
-- ... with statements of several batches
SELECT * FROM law_compare('shuffle 6', 1000, batch_events => 7);
SELECT * FROM law_compare('shuffle 7', 40, batch_events => 1, again => true);
-- ... rebuilt; and all at once
SELECT * FROM law_compare('shuffle 8', 0, rebuild => true);
SELECT * FROM law_compare('reverse', 17, batch_events => 5, again => true, undo => true, rebuild => true);
-- The digest sees a difference: one event less, and one amount more, are other states
SELECT (law_run('a', 60, 'time', 1)).digest <> (law_run('a', 59, 'time', 1)).digest AS other_stream;
SELECT cdp.create_workspace('laws2');
INSERT INTO laws2.events (event_id, event, identifiers, amount) VALUES (cdp.event_id('1'), 'e', '{cookie:1}', 1), (cdp.event_id('2'), 'e', '{cookie:2}', 2);
SELECT law_digest('laws2') AS digest \gset
BEGIN;
INSERT INTO laws2.events (event_id, event, identifiers) VALUES (cdp.event_id('3'), 'e', '{cookie:1,cookie:2}');
SELECT law_digest('laws2') <> :'digest' AS differs;
ROLLBACK;
SELECT law_digest('laws2') = :'digest' AS rolled_back;
BEGIN;
INSERT INTO laws2.segments VALUES ('s', 'true');
SELECT law_digest('laws2') <> :'digest' AS differs;
ROLLBACK;

-- One long stream, once: several batches in a statement against single rows
SELECT (a).digest = (b).digest AS same_state, (a).faults + (b).faults AS faults, (a).profiles = (b).profiles AS same_profiles, (a).merges > 0 AS merges_in_one_statement
FROM (SELECT law_run('long', 300, 'shuffle 1', 100000, 64) AS a, law_run('long', 300, 'shuffle 2', 0) AS b) AS r;

DROP SCHEMA laws2 CASCADE;
DROP FUNCTION public.law_compare, public.law_run, public.law_insert, public.law_digest, public.law_stream, public.law_random;
