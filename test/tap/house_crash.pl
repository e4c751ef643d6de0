# What is acknowledged is stored: clients that ingest and merge, and log every commit that they were
# told of, while a backend or the postmaster is killed. After each recovery all that was acknowledged is
# there, and cdp.check finds nothing.
# timeout: 1800
#
# CDP_ROUNDS: how often (4)
use strict;
use warnings;
use CdpTest;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{CDP_ROUNDS} // 4;
my $clients = 4;
my $statements = 4000;
my $dir = PostgreSQL::Test::Utils::tempdir;
my $node = cdp_node('crash', conf => "restart_after_crash = on\nmax_prepared_transactions = 5\nlog_statement = none\n");
srand(7);

$node->safe_psql('postgres', q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop');
	INSERT INTO shop.computed_traits (name, kind, expression, window_days) VALUES ('seen_7d', 'count', NULL, 7), ('spend', 'sum', 'amount', NULL), ('first', 'first', 'event', NULL);
	INSERT INTO shop.segments (name, predicate) VALUES ('vip', $$cdp.total(ltv, 'USD') >= 50$$), ('busy', $$cdp.computed_int(computed, 'seen_7d') > 2$$);});

# A client's statements: events whose people overlap with the other clients'; each returns its ids when
# it has been committed. Some are several rows, some transactions several statements.
sub script
{
	my ($client, $round) = @_;
	my $path = "$dir/client$client.sql";
	my $text = '';
	foreach my $n (1 .. $statements)
	{
		my @rows;
		foreach (0 .. (rand() < 0.2 ? int(rand(8)) : 0))
		{
			my @ids = (sprintf('cookie:%d', rand(600)));
			push @ids, sprintf('user_id:%d', rand(80)) if rand() < 0.4;
			push @ids, sprintf('email:e%d@example.com', rand(200)) if rand() < 0.4;
			push @rows, sprintf(q{('page', ARRAY['%s'], %d, '{"k%d": %d}')}, join("', '", @ids), rand(9), rand(3), $n);
		}
		my $insert = 'INSERT INTO shop.events (event, identifiers, amount, traits) VALUES ' . join(', ', @rows) . ' RETURNING event_id';
		$text .= rand() < 0.1 ? "BEGIN; SELECT 'open'; $insert; SAVEPOINT s; " . ($insert =~ s/ RETURNING.*//r) . "; ROLLBACK TO s; COMMIT; SELECT 'done';\n"
			: "$insert;\n";
	}
	open(my $file, '>', $path) or die;
	print $file $text;
	close $file;
	return $path;
}

# The ids in a client's log that were acknowledged: what psql printed, without a transaction whose
# COMMIT was not answered.
sub acknowledged
{
	my @ids;
	foreach my $client (1 .. $clients)
	{
		my ($open, @pending) = (0);
		open(my $log, '<', "$dir/client$client.log") or next;
		while (<$log>)
		{
			chomp;
			if ($_ eq 'open') { $open = 1; }
			elsif ($_ eq 'done') { $open = 0; push @ids, splice @pending; }
			elsif (/^[0-9a-f-]{36}$/) { if ($open) { push @pending, $_; } else { push @ids, $_; } }
		}
		close $log;
	}
	return @ids;
}

# Starts the server after its postmaster was killed, once the kernel has buried that one and its last
# backends are gone.
sub start_again
{
	my ($postmaster) = @_;
	my $tries = 0;
	usleep(100_000) while kill(0, $postmaster) && $tries++ < 200;
	# still there: a zombie that nobody has waited for
	unlink $node->data_dir . '/postmaster.pid' if kill(0, $postmaster);
	$tries = 0;
	usleep(100_000) until $node->start(fail_ok => 1) || $tries++ > 200;
	return;
}

# A prepared transaction outlives them all.
$node->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO shop.events (event, identifiers, amount) VALUES ('prepared', '{user_id:prepared, cookie:prepared}', 1);
	PREPARE TRANSACTION 'one';});

my $total = 0;
my %acknowledged;
foreach my $round (1 .. $rounds)
{
	my @running = map {
		my $path = script($_, $round);
		IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $path ],
			'>', "$dir/client$_.log", '2>', "$dir/client$_.err")
	} 1 .. $clients;
	# in the middle of their work: each has some thousands of statements
	my $stored = $node->safe_psql('postgres', 'SELECT count(*) FROM shop.events');
	$node->poll_query_until('postgres', 'SELECT count(*) > ' . int($stored + 50 + rand(800)) . ' FROM shop.events')
		or die 'the clients do not get on';
	my $postmaster;
	my $victim = $round % 2 ? 'a backend' : 'the postmaster';
	if ($round % 2)
	{
		# whoever is at work; a client that is between two statements at times
		my $pid = $node->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity WHERE query ~ '^(INSERT|BEGIN|COMMIT)' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
		kill 'KILL', $pid if $pid;
		ok($pid, "round $round: $victim is killed");
	}
	else
	{
		($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
		$node->kill9;
		pass("round $round: $victim is killed");
	}
	$_->finish foreach @running;
	start_again($postmaster) unless $round % 2;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';

	my @ids = acknowledged();
	$acknowledged{$_}++ foreach @ids;
	open(my $file, '>', "$dir/ids") or die;
	print $file "$_\n" foreach keys %acknowledged;
	close $file;
	cmp_ok(scalar @ids, '>', 0, 'round ' . $round . ': ' . @ids . ' events acknowledged');
	my $missing = $node->safe_psql('postgres', qq{
		CREATE TEMPORARY TABLE ids (event_id uuid);
		\\copy ids from '$dir/ids'
		SELECT count(*) FROM ids LEFT JOIN shop.events e USING (event_id) LEFT JOIN shop.event_ids t USING (event_id)
			WHERE e.event_id IS NULL OR t.event_id IS NULL;});
	is($missing, '0', "round $round: all that was ever acknowledged is stored");
	is($node->safe_psql('postgres', "SELECT * FROM cdp.check('shop') LIMIT 20"), '', "round $round: cdp.check finds nothing");
}

$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
is($node->safe_psql('postgres', "SELECT event_count FROM shop.profiles WHERE profile_id = cdp.profile_of('shop', 'cookie:prepared')"),
	'1', 'the prepared transaction is committed');
is($node->safe_psql('postgres', "SELECT * FROM cdp.check('shop') LIMIT 20"), '', 'cdp.check finds nothing');
note($node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM shop.events) || ' events, ' || (SELECT count(*) FROM shop.profiles)
	|| ' profiles, ' || (SELECT count(*) FROM shop.merges) || ' merges'}));
$node->stop;
done_testing();
