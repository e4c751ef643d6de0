-- Identifiers to be shown to people who need to recognise them, not to know them.

CREATE FUNCTION cdp.mask(identifier text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT coalesce(p.m[1], '') || CASE
                   WHEN lower(p.m[1] COLLATE "C") = 'email:' AND p.m[2] ~ '.@.'
                       THEN regexp_replace(p.m[2] COLLATE "C", '^\s*(.).*@(.).*?(\.[^.@\s]*)?\s*$', '\1…@\2…\3')
                   WHEN lower(p.m[1] COLLATE "C") = 'phone:' AND length(p.m[2]) >= 7
                       THEN '…' || right(p.m[2], 3)
                   ELSE CASE WHEN length(p.m[2]) >= 4 THEN left(p.m[2], 1) ELSE '' END ||
                        '…(' || length(p.m[2]) || ')'
               END
        FROM (SELECT regexp_match(identifier COLLATE "C", '^([^:]*:)?(.*)$') AS m) p;
    END;
COMMENT ON FUNCTION cdp.mask(text) IS
    'an identifier "namespace:value" masked, so that it can be recognised and not read: of an e-mail address the first characters of both parts and the last label (a…@e….com), of a phone number its last three digits (…602), of any other value its first character and its length (c…(12)), below four characters the length alone. Different identifiers can look the same';

CREATE FUNCTION cdp.mask(identifier cdp.identifier) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN cdp.mask(cdp.text(identifier));
COMMENT ON FUNCTION cdp.mask(cdp.identifier) IS
    'an identifier masked, see cdp.mask(text)';
