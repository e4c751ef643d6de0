-- Segments are rows: the trigger on their table, and what else evaluates them on many profiles.

CREATE FUNCTION cdp.define_segments() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_define_segments'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.define_segments() IS
    'statement trigger on segments: checks the definitions and evaluates what has changed on every profile';

CREATE FUNCTION cdp.evaluate_columns() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_evaluate_columns'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.evaluate_columns() IS
    'statement trigger on profiles: when the users write columns of their own, the segments that read them follow';

CREATE FUNCTION cdp.reevaluate(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_reevaluate'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.reevaluate(name) IS
    'evaluates every segment of the workspace on every profile; writers wait while it runs';
