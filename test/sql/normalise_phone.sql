-- Phone numbers: E.164, read and judged as libphonenumber does.

-- One number, many spellings; a region completes national ones
SELECT number, cdp.phone(number, 'VN')
FROM unnest(ARRAY['+84912345678', '0912345678', '0912 345 678', '(+84) 0912-345-678', '912.345.678', '84 912 345 678', '0084912345678', '0912345678 ext. 12', 'Tel: 0912345678', 'tel:0912345678;phone-context=+84',
                  '０９１２３４５６７８', '٠٩١٢٣٤٥٦٧٨', '۰۹۱۲۳۴۵۶۷۸', ' 0912345678 ']) AS number;
SELECT number, cdp.phone(number) AS no_region, cdp.phone(number, NULL) AS null_region, cdp.phone(number, '') AS empty_region
FROM unnest(ARRAY['+84 912 345 678', '0912345678', '0084912345678', '84912345678', NULL]) AS number;
-- regions have their own rules (the golden values are libphonenumber's)
SELECT region, number, cdp.phone(number, region)
FROM (VALUES ('US', '(650) 253-0000'), ('us', '1-800-FLOWERS'), ('US', '011 84 912 345 678'), ('GB', '020 7946 0958'), ('IT', '06 6982 1234'), ('AR', '011 15-2345-6789'), ('BR', '0 15 11 96123-4567'), ('BR', '011 96123-4567'),
             ('MX', '044 222 123 4567'), ('RU', '8 (495) 123-45-67'), ('AU', '0011 84 912 345 678'), ('JP', '010 84 912 345 678'), ('AG', '460 1234'), ('SM', '886377'), ('DE', '030 123456'), ('GA', '0 6012345')) AS v (region, number);

-- Not valid: too short, too long, no such range, no such calling code, no number at all
SELECT left(number, 20) AS number, length(number), cdp.phone(number, 'VN') IS NULL AS refused
FROM unnest(ARRAY['091234567', '09123456789', '0112345678', '+999123456789', '+84', '12', '', 'hello', '+1 650 253 00000', '+84 912 345 678 9', repeat('1', 251), repeat('1', 5000)]) AS number;
SELECT cdp.phone('0912345678', 'ZZ') IS NULL AS unknown_region, cdp.phone('+84912345678', 'ZZ') AS but_international;
SELECT cdp.phone('0912345678', 'VNM');
SELECT cdp.phone('0912345678', '84');

-- As identifiers: international numbers only, as no region is known to the type
SELECT 'phone:+84 (0)912-345-678'::cdp.identifier, 'phone:+84912345678'::cdp.identifier = 'PHONE: +84 912 345 678' AS one;
SELECT cdp.to_identifier('phone:0912345678') IS NULL AS national, cdp.to_identifier('phone:+84112345678') IS NULL AS not_valid;
-- but what is spelt as E.164 loads, as another version's table may have known it
SELECT 'phone:+84112345678'::cdp.identifier;

-- Vietnam's change of 2018: on demand, every old prefix, and only those
SELECT old, cdp.phone(old || '3456789', 'VN') IS NULL AS today, cdp.phone(old || '3456789', 'VN', true) AS changed, cdp.phone('+84' || substr(old, 2) || '3456789', NULL, true) = '+84' || now || '3456789' AS as_stated
FROM (VALUES ('0120', '70'), ('0121', '79'), ('0122', '77'), ('0126', '76'), ('0128', '78'), ('0123', '83'), ('0124', '84'), ('0125', '85'), ('0127', '81'), ('0129', '82'), ('0162', '32'), ('0163', '33'),
             ('0164', '34'), ('0165', '35'), ('0166', '36'), ('0167', '37'), ('0168', '38'), ('0169', '39'), ('0186', '56'), ('0188', '58'), ('0199', '59')) AS v (old, now);
SELECT count(*) FILTER (WHERE cdp.phone('01' || g || '3456789', 'VN', true) IS NOT NULL) AS old_mobile_prefixes FROM generate_series(10, 99) AS g;
SELECT cdp.phone('0120345678', 'VN', true) IS NULL AS too_short, cdp.phone('0912345678', 'VN', true) AS unchanged, cdp.phone('+11203456789', 'VN', true) IS NULL AS elsewhere;

-- Canonicalising twice is canonicalising once, also in Mexico, where a prefix may be dropped again
SELECT cdp.phone('+52112235123546') AS read_once, 'phone:+52112235123546'::cdp.identifier AS canonical;
SELECT cdp.phone('8 810 123 4567', 'BY') AS read_once, cdp.phone('+3758101234567') IS NULL AS not_read_again, cdp.to_identifier('phone:+375 8 810 123 4567') IS NULL AS no_identifier;
