# The event triggers beside dump and restore (also one that cleans up first), DROP, CREATE and ALTER EXTENSION, and in
# single-user mode, where they are off.
# timeout: 180
use strict;
use warnings;
use CdpTest;
use File::Copy;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;

# An installation of its own, in which there are later versions.
my $stage = "$dir/stage";
system_or_bail('cp', '-r', $ENV{CDP_STAGE}, $stage);
my ($control) = split /\n/, `find $stage -name cdp.control`;
my $share = $control =~ s{/cdp\.control$}{}r;
sub script
{
	open my $file, '>', "$share/$_[0]" or die $!;
	print $file $_[1];
	close $file;
	return;
}
script('cdp--0.1.0--0.1.1.sql', q{
CREATE FUNCTION cdp.probe(integer) RETURNS integer IMMUTABLE LANGUAGE sql RETURN $1;
CREATE TYPE cdp.probe_type AS ENUM ('a');
ALTER TYPE cdp.probe_type RENAME VALUE 'a' TO 'b';
CREATE OR REPLACE FUNCTION cdp.customer_name(traits cdp.traits) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN traits OPERATOR(pg_catalog.->>) 'name';
ALTER FUNCTION cdp.customer_name(cdp.traits) COST 10;
DROP TYPE cdp.probe_type;
});
script('cdp--0.1.1--0.1.2.sql', 'DROP FUNCTION cdp.probe(integer);');

$ENV{CDP_STAGE} = $stage;
my $node = cdp_node('ddl');

sub create_db
{
	$node->safe_psql('postgres', "CREATE DATABASE $_[0] TEMPLATE template0 ENCODING 'UTF8'");
	return $_[0];
}
sub check { return $node->safe_psql($_[0], "SELECT * FROM cdp.check('shop')"); }
sub members
{
	return $node->safe_psql($_[0], q{SELECT e.segment, count(*) FROM shop.profiles CROSS JOIN LATERAL cdp.segment_entries(segments) e GROUP BY 1 ORDER BY 1});
}

create_db('source');
$node->safe_psql('source', q{
	CREATE EXTENSION cdp;
	CREATE SCHEMA ty;
	CREATE TYPE ty.mood AS ENUM ('sad', 'happy');
	CREATE TYPE ty.address AS (zip text);
	CREATE COLLATION ty.german (provider = icu, locale = 'de');
	SELECT cdp.create_workspace('shop');
	ALTER TABLE shop.profiles ADD COLUMN dropped int, ADD COLUMN tier int, ADD COLUMN mood ty.mood, ADD COLUMN address ty.address,
		ADD COLUMN word text COLLATE ty.german, ADD COLUMN twice int GENERATED ALWAYS AS (tier * 2) STORED;
	ALTER TABLE shop.profiles DROP COLUMN dropped;
	ALTER TABLE shop.events ADD COLUMN mood ty.mood;
	INSERT INTO shop.events (event, identifiers, mood) SELECT 'e', ARRAY['user_id:' || n % 5], 'happy' FROM generate_series(1, 20) n;
	UPDATE shop.profiles SET tier = profile_id % 3, mood = 'happy', address = ROW('1')::ty.address, word = 'a';
	INSERT INTO shop.computed_traits (name, kind, filter) VALUES ('moods', 'count', $$mood = 'happy'::ty.mood$$);
	INSERT INTO shop.segments (name, predicate) VALUES ('tier', 'shop.profiles.tier > 0'), ('mood', $$mood = 'happy'::ty.mood$$), ('address', $$(address).zip = '1'$$),
		('word', $$word < 'b' AND word COLLATE ty.german <> 'c'$$), ('twice', 'twice = 2'), ('moods', $$cdp.computed_int(computed, 'moods') > 3$$);
});
is(check('source'), '', 'cdp.check finds nothing in the source');
my $members = members('source');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/c", '-d', $node->connstr('source') ], 'pg_dump -Fc');
$node->command_ok([ 'pg_dump', '-Fp', '--clean', '--if-exists', '-f', "$dir/p", '-d', $node->connstr('source') ], 'pg_dump -Fp --clean');

# Restores into a new database, over the same one, and of the schema alone over itself.
my %restore = (
	new => [ 'pg_restore', '--exit-on-error', "$dir/c" ],
	clean => [ 'pg_restore', '--clean', '--if-exists', '--exit-on-error', "$dir/c" ],
	single => [ 'pg_restore', '--clean', '--if-exists', '--single-transaction', "$dir/c" ],
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/p" ],
	schema => [ 'pg_restore', '--clean', '--exit-on-error', '-n', 'shop', "$dir/c" ]);
foreach my $name (sort keys %restore)
{
	create_db($name);
	my @command = ($restore{$name}[0], '-d', $node->connstr($name), @{ $restore{$name} }[ 1 .. $#{ $restore{$name} } ]);
	if ($name ne 'new')
	{
		my ($out, $err) = run_command([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($name), "$dir/c" ]);
		is($err, '', "$name: restored once");
	}
	my ($out, $err) = run_command(\@command);
	unlike($err, qr/ERROR/, "$name: restored");
	like($err, qr/WARNING: .* of workspace "shop" has been dropped.*HINT: .*cdp.drop_workspace\('shop'\)/s, "$name: with warnings") if $name eq 'plain';
	is(check($name), '', "$name: cdp.check finds nothing");
	is(members($name), $members, "$name: the members are the same");
	# The numbers of columns are others than they were: definitions follow all the same.
	$node->safe_psql($name, 'ALTER TABLE shop.profiles RENAME COLUMN tier TO level');
	is($node->safe_psql($name, q{SELECT predicate FROM shop.segments WHERE name = 'tier'}), 'shop.profiles.level > 0', "$name: a renamed column");
	like(($node->psql($name, 'ALTER TABLE shop.profiles DROP COLUMN mood'))[2], qr/segment "mood": column "mood" does not exist/, "$name: a dropped column");
	is(check($name), '', "$name: cdp.check finds nothing then");
	$node->safe_psql('postgres', "DROP DATABASE $name");
}

# The extension: updated, with definitions of before; to a version that lacks what a definition calls; dropped, made again.
$node->safe_psql('source', q{ALTER EXTENSION cdp UPDATE TO '0.1.1'});
is(check('source'), '', 'ALTER EXTENSION UPDATE: cdp.check finds nothing');
is(members('source'), $members, '... and nothing has changed');
$node->safe_psql('source', q{INSERT INTO shop.segments VALUES ('probe', 'cdp.probe(tier) = 1')});
my ($code, $out, $err) = $node->psql('source', q{ALTER EXTENSION cdp UPDATE TO '0.1.2'});
like($err, qr/definitions of workspace "shop" depend.*segment "probe": function cdp.probe\(integer\) does not exist/s, 'an update that takes away what a definition calls is refused');
is($node->safe_psql('source', q{SELECT extversion FROM pg_extension WHERE extname = 'cdp'}), '0.1.1', '... and the version stays');
$node->safe_psql('source', q{DELETE FROM shop.segments WHERE name = 'probe'; ALTER EXTENSION cdp UPDATE TO '0.1.2'});
is(check('source'), '', '... else it is done');
($code, $out, $err) = $node->psql('source', q{ALTER EXTENSION cdp DROP FUNCTION cdp.watch_ddl()});
isnt($code, 0, 'the function of an event trigger stays a member') if $err =~ /ERROR/;
($code, $out, $err) = $node->psql('source', 'DROP EXTENSION cdp');
like($err, qr/cannot drop extension cdp because other objects depend on it/, 'DROP EXTENSION fails as before');
create_db('again');
$node->safe_psql('again', q{CREATE EXTENSION cdp; DROP EXTENSION cdp; CREATE EXTENSION cdp; SELECT cdp.create_workspace('shop'); DROP EXTENSION cdp CASCADE;
	CREATE TABLE t (a int); ALTER TABLE t RENAME COLUMN a TO b; DROP TABLE t; DROP SCHEMA shop CASCADE; CREATE EXTENSION cdp; SELECT cdp.create_workspace('shop')});
is(check('again'), '', 'DROP EXTENSION CASCADE and CREATE EXTENSION');
is($node->safe_psql('again', q{SELECT evtname, evtenabled, evtowner::regrole FROM pg_event_trigger ORDER BY 1}),
	join("\n", map { "$_|O|" . $node->safe_psql('again', 'SELECT current_user') } qw(cdp_after_ddl cdp_before_ddl cdp_foreign_keys cdp_schema)), 'the event triggers, and whose they are');
is($node->safe_psql('again', q{SELECT count(*) FROM pg_depend d JOIN pg_event_trigger e ON e.oid = d.objid WHERE d.classid = 'pg_event_trigger'::regclass AND d.deptype = 'e'}),
	4, '... members of the extension');

# Single-user mode: no event trigger; what is broken there is found.
$node->stop;
my $postgres = `$ENV{PG_CONFIG} --bindir`;
chomp $postgres;
my ($single_out, $single_err);
my $ok = IPC::Run::run([ "$postgres/postgres", '--single', '-D', $node->data_dir, 'source' ], '<', \"ALTER TABLE shop.profiles DROP COLUMN mood\n",
	'>', \$single_out, '2>', \$single_err);
ok($ok, 'a column is dropped in single-user mode') or diag $single_err;
$node->start;
like(check('source'), qr/^segments\|definition of mood\|does not compile: column "mood" does not exist\|a predicate that compiles$/m, 'cdp.check finds the definition');
$node->safe_psql('source', q{INSERT INTO shop.events (event, identifiers) VALUES ('e', '{user_id:1}')});
is($node->safe_psql('source', q{SELECT segment, sqlstate FROM shop.segment_errors}), 'mood|42703', 'segment_errors has it');

$node->stop;
done_testing();
