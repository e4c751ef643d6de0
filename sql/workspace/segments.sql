-- Segments: their sizes, their members.

CREATE FUNCTION cdp.predicate_sql(workspace name, segment text, predicate text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_predicate_sql'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.predicate_sql(name, text, text) IS
    'the text of a predicate as a query on profiles can have it: the column evaluated_at stands for the clock; as it is where it does not read the clock; else errors as of its definition. The segment''s name is for their context';
