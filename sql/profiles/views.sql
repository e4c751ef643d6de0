-- The view customers: one readable row per profile.

CREATE FUNCTION cdp.customer_name(traits cdp.traits) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN coalesce(
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'name'), ''),
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'full_name'), ''),
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'fullName'), ''),
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'display_name'), ''),
        nullif(concat_ws(' ',
            coalesce(nullif(btrim(traits OPERATOR(pg_catalog.->>) 'first_name'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'firstName'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'given_name'), '')),
            coalesce(nullif(btrim(traits OPERATOR(pg_catalog.->>) 'last_name'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'lastName'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'family_name'), ''))), ''));
COMMENT ON FUNCTION cdp.customer_name(cdp.traits) IS
    'the person''s name from the traits in common use: name, full_name (fullName), display_name, else first_name (firstName, given_name) and last_name (lastName, family_name); null where there is none';

-- Who reads the view needs the rights to what it reads, and row security on profiles holds for the reader.
-- Each column that is looked up among the identifiers is a subquery of its own: one that nobody asks
-- for costs nothing, and a query that reads few rows looks up few.
CREATE FUNCTION cdp.create_customers(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE VIEW %1$I.customers WITH (security_invoker = true) AS
SELECT p.profile_id,
       (SELECT cdp.value(i.identifier) FROM %1$I.identifiers i
        WHERE i.profile_id = p.profile_id AND cdp.namespace(i.identifier) = 'email'
        ORDER BY i.last_seen DESC, i.identifier LIMIT 1) AS email,
       (SELECT cdp.value(i.identifier) FROM %1$I.identifiers i
        WHERE i.profile_id = p.profile_id AND cdp.namespace(i.identifier) = 'phone'
        ORDER BY i.last_seen DESC, i.identifier LIMIT 1) AS phone,
       (SELECT cdp.value(i.identifier) FROM %1$I.identifiers i
        WHERE i.profile_id = p.profile_id AND cdp.namespace(i.identifier) = 'user_id'
        ORDER BY i.last_seen DESC, i.identifier LIMIT 1) AS user_id,
       cdp.customer_name(p.traits) AS name,
       cdp.traits_to_jsonb(p.traits) AS traits,
       ARRAY(SELECT cdp.text(i.identifier) FROM %1$I.identifiers i
             WHERE i.profile_id = p.profile_id ORDER BY i.identifier) AS identifiers,
       cdp.to_jsonb(p.ltv) AS value,
       cdp.purchases(p.ltv) AS purchases,
       p.first_seen,
       p.last_seen,
       p.event_count,
       cdp.segment_names(p.segments) AS segments
FROM %1$I.profiles p;
COMMENT ON VIEW %1$I.customers IS 'one readable row per customer';
COMMENT ON COLUMN %1$I.customers.profile_id IS 'the customer, as in profiles';
COMMENT ON COLUMN %1$I.customers.email IS 'main e-mail address: the one last seen; on a tie the smallest';
COMMENT ON COLUMN %1$I.customers.phone IS 'main phone number: the one last seen; on a tie the smallest';
COMMENT ON COLUMN %1$I.customers.user_id IS 'user id: the one last seen; on a tie the smallest';
COMMENT ON COLUMN %1$I.customers.name IS 'the person''s name, see cdp.customer_name';
COMMENT ON COLUMN %1$I.customers.traits IS 'what is known of the person';
COMMENT ON COLUMN %1$I.customers.identifiers IS 'all identifiers, sorted';
COMMENT ON COLUMN %1$I.customers.value IS 'lifetime value per currency, see cdp.to_jsonb(ltv)';
COMMENT ON COLUMN %1$I.customers.purchases IS 'number of purchases, in all currencies';
COMMENT ON COLUMN %1$I.customers.first_seen IS 'effective time of the first event';
COMMENT ON COLUMN %1$I.customers.last_seen IS 'effective time of the last event';
COMMENT ON COLUMN %1$I.customers.event_count IS 'number of events';
COMMENT ON COLUMN %1$I.customers.segments IS 'names of the segments that the customer is in, sorted';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_customers(name) IS
    'makes the view customers; cdp.create_profiles calls it';

CREATE FUNCTION cdp.views_profiles(workspace name) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1
    BEGIN ATOMIC
        SELECT pg_catalog.format('%I.customers', workspace);
    END;
COMMENT ON FUNCTION cdp.views_profiles(name) IS
    'the view of the part profiles; cdp.workspace_views calls it';
