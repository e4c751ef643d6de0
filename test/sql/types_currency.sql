-- Currencies: which codes are ISO 4217, and the digits they are shown with.

-- In force, withdrawn (DEM, ITL, ZWD), for tests (XTS), metal (XAU)
SELECT code, cdp.is_currency(code)
FROM unnest(ARRAY['USD', 'EUR', 'GBP', 'VND', 'JPY', 'KWD', 'CLF', 'DEM', 'ITL', 'ZWD', 'XTS',
                  'XAU']) AS code;
-- Not: never given out, lower or mixed case, other lengths, other characters
SELECT code, cdp.is_currency(code)
FROM unnest(ARRAY['USX', 'AAA', 'ZZZ', 'usd', 'Usd', '', 'U', 'US', 'USDT', 'US ', ' USD', '840',
                  'U$D', 'ÉUR', '€', 'ＵＳＤ', E'U\nD', '[\]']) AS code;
SELECT cdp.is_currency(NULL) IS NULL AS null_in_null_out;

-- Minor digits as ISO 4217 lists them (JPY, VND, KRW, CLP none; KWD, BHD, TND three; CLF four)
SELECT code, cdp.display_digits(code)
FROM unnest(ARRAY['USD', 'EUR', 'GBP', 'JPY', 'VND', 'KRW', 'CLP', 'KWD', 'BHD', 'TND', 'CLF']) AS code;
-- What a query fails with
CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE query;
    RETURN 'succeeds';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT query, pg_temp.failure(query)
FROM (VALUES
    ($$SELECT cdp.display_digits('USX')$$),
    ($$SELECT cdp.display_digits('usd')$$),
    ($$SELECT cdp.display_digits('')$$),
    ($$SELECT cdp.display_digits(repeat('đ', 200))$$)) AS t (query) \gx

-- The answer is the same the second time (it is kept), for all codes there can be: as many are
-- currencies as are found one by one in another order
WITH code AS (SELECT chr(65 + a) || chr(65 + b) || chr(65 + c) AS code
              FROM generate_series(0, 25) a, generate_series(0, 25) b, generate_series(0, 25) c),
     once AS (SELECT code, cdp.is_currency(code) AS valid FROM code ORDER BY code),
     twice AS (SELECT code, cdp.is_currency(code) AS valid FROM code ORDER BY reverse(code))
SELECT count(*) AS codes, count(*) FILTER (WHERE once.valid) BETWEEN 170 AND 400 AS plausible,
       count(*) FILTER (WHERE once.valid <> twice.valid) AS different
FROM once JOIN twice USING (code);
