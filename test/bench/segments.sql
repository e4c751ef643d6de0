-- Ten segments, none of which reads the clock.
INSERT INTO shop.segments (name, predicate) VALUES
    ('vip', $$cdp.total(ltv, 'GBP') >= 1000$$),
    ('whale', $$cdp.total(ltv, 'GBP') >= 10000$$),
    ('dollar_buyer', $$cdp.total(ltv, 'USD') > 50$$),
    ('regular', $$cdp.purchases(ltv) >= 100$$),
    ('one_timer', $$cdp.purchases(ltv) = 1$$),
    ('returner', $$cdp.refunds(ltv) > 0$$),
    ('in_the_red', $$cdp.total(ltv, 'GBP') < 0$$),
    ('busy', $$event_count > 500$$),
    ('gold', $$traits->>'plan' = 'gold'$$),
    ('early', $$first_seen < '2011-03-01 00:00+00'::timestamptz AND cdp.purchases(ltv) > 10$$);
