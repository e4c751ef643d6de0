-- What the normalise stage costs per row in SQL: the median of five scans of 200,000 rows, less the
-- scan of the same rows by length(). For any database with the extension: psql -f test/bench/normalise.sql
\pset footer off
CREATE TEMP TABLE inputs AS
SELECT '0912 ' || lpad((g % 1000)::text, 3, '0') || ' ' || lpad((g / 1000 % 1000)::text, 3, '0') AS national,
       '+1 650-' || lpad((g % 1000)::text, 3, '0') || '-' || lpad((g % 10000)::text, 4, '0') AS international,
       'Khach.Hang' || g || '@Example.com' AS email, 'khách' || g || '@bücher.example' AS email_beyond_ascii,
       'user_id:' || g AS opaque
FROM generate_series(1, 200000) AS g;
ANALYZE inputs;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION pg_temp.scan_ns(expression text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz;
    took numeric[];
BEGIN
    FOR i IN 1..6 LOOP
        start := clock_timestamp();
        EXECUTE format('SELECT count(%s) FROM inputs', expression);
        took := took || (extract(epoch FROM clock_timestamp() - start) * 1e9 / 200000)::numeric;
    END LOOP;
    RETURN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took[2:]) AS t);
END $$;
SELECT what, round(pg_temp.scan_ns(expression) - pg_temp.scan_ns(base)) AS ns_per_row
FROM (VALUES ('phone, national, region VN', 'cdp.phone(national, ''VN'')', 'length(national)'),
             ('phone, international', 'cdp.phone(international)', 'length(international)'),
             ('e-mail, ASCII', 'cdp.email(email)', 'length(email)'),
             ('e-mail, international', 'cdp.email(email_beyond_ascii)', 'length(email_beyond_ascii)'),
             ('identifier, opaque', 'cdp.to_identifier(opaque)', 'length(opaque)'),
             ('for comparison: md5', 'md5(national)', 'length(national)')) AS v (what, expression, base);
