-- E-mail addresses: RFC 5321 with RFC 6531, to one spelling.

-- One mailbox, many spellings
SELECT address, cdp.email(address)
FROM unnest(ARRAY['an@example.com', ' An@Example.COM ', 'ＡＮ＠ｅｘａｍｐｌｅ．ｃｏｍ', '"an"@example.com', '"a\n"@example.com']) AS address;
SELECT address, cdp.email(address)
FROM unnest(ARRAY['Dũng@BÜCHER.example', 'dũng@xn--bcher-kva.example', U&'du\0303ng@bu\0308cher.example', 'DŨNG@Xn--BCHER-kva.EXAMPLE', 'dũng@bücher。example']) AS address;
SELECT 'email:Dũng@BÜCHER.example'::cdp.identifier = 'email:dũng@xn--bcher-kva.example' AS punycode,
       'email:An@X.vn'::cdp.identifier = 'email:an@x.vn' AS upper_case, 'email:a.n@x.vn'::cdp.identifier = 'email:an@x.vn' AS dots;
-- and what stays apart: dots, tags, accents, sharp s
SELECT count(DISTINCT cdp.email(address)) AS mailboxes
FROM unnest(ARRAY['an@gmail.com', 'a.n@gmail.com', 'an+x@gmail.com', 'ân@gmail.com', 'an@googlemail.com', 'an@faß.de', 'an@fass.de']) AS address;

-- Quoted only where needed, and then with few backslashes; address literals
SELECT address, cdp.email(address)
FROM unnest(ARRAY['"Fred Bloggs"@example.com', '"Fred\ Bloggs"@example.com', '"Abc\@def"@example.com', '"a\"b"@example.com', '"a\\b"@example.com', '""@example.com',
                  'an@[192.0.2.1]', 'an@[IPv6:2001:DB8:0:0:0:0:0:1]', 'an@[IPv6:::ffff:192.0.2.1]']) AS address;

-- No address
SELECT encode(convert_to(left(address, 30), 'UTF8'), 'escape') AS address, cdp.email(address) IS NULL AS refused, cdp.to_identifier('email:' || address) IS NULL AS no_identifier
FROM unnest(ARRAY['an', 'an@', '@example.com', 'a@b@example.com', '.an@example.com', 'an.@example.com', 'a..n@example.com', 'a n@example.com', 'an@example..com',
                  'an@-example.com', 'an@exam_ple.com', 'an@example.com.', 'an@192.0.2.1', 'an@[192.0.2.256]', 'an@[300]', 'An <an@example.com>', 'mailto:an@example.com', 'an(x)@example.com',
                  'an@xn--bcher-kvb.example', U&'a\202En@example.com', U&'an@exam\202Eple.com', U&'a\200Bn@example.com', U&'a\00A0n@example.com', U&'a\E000@example.com',
                  repeat('a', 65) || '@example.com', 'an@' || repeat('b', 64) || '.com']) AS address;
SELECT cdp.email('') IS NULL AS empty, cdp.email(E'a\nn@example.com') IS NULL AS control, cdp.email(NULL) IS NULL AS of_null, cdp.email(repeat('a', 100000)) IS NULL AS long;

-- Match keys: what the addresses of one mailbox have in common by their provider's rules
SELECT address, cdp.email_match_key(address)
FROM unnest(ARRAY['A.n@Gmail.com', 'an+news@googlemail.com', 'an+news@outlook.com', 'a.n@outlook.com', 'an+x@icloud.com', 'an+x@protonmail.ch', 'an+x@yandex.ru',
                  'an+x@example.com', 'a.n@gmail.com.vn', '+x@gmail.com', '"a.n x"@gmail.com', 'an']) AS address;
-- the stored value stays the address
SELECT 'email:A.n+news@GoogleMail.com'::cdp.identifier;

-- Canonicalising twice is canonicalising once, and keys are addresses with themselves as key
SELECT bool_and(cdp.email(e) = e AND cdp.email_match_key(k) = k) AS stable, count(*)
FROM (SELECT cdp.email(a) AS e, cdp.email_match_key(a) AS k
      FROM unnest(ARRAY['An@x.vn', 'ＡＮ＠ｘ．ｖｎ', '"A b"@x.vn', 'ΟΣ@x.gr', 'İ@x.tr', 'ﬁ@x.vn', 'a.b+c@googlemail.com', 'a@[IPv6:::1]', 'a@Ⅷ.example']) AS a) AS x;
