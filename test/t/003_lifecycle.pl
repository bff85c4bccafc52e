# Where workers run, and that they get out of the way: CREATE and DROP
# EXTENSION, DROP, RENAME and copy of a database, terminate, reload, a restart
# with texts in every state.  The gateway never answers, which is the worst
# that a peer can do.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time);

my $gateway = start_gateway(hang => 1);
my $node = start_cluster('lifecycle', 'p2ptext.request_timeout' => '60s');

# What may take two seconds; the gateway's time is 60.
use constant PROMPT_S => promised(2, 10);

# How long a statement took, in seconds; it must work.
sub takes
{
	my ($database, $statement, $what) = @_;
	my $began = time;
	my ($code, undef, $error) = $node->psql($database, $statement);
	my $took = time - $began;

	is($code, 0, "$what works") or diag($error);
	cmp_ok($took, '<', PROMPT_S, sprintf('... in %.2f s', $took));
	return;
}

sub workers
{
	my ($database) = @_;
	return "SELECT string_agg(kind || ' ' || state, ', ' ORDER BY kind)
			FROM p2ptext.stat_worker WHERE datname = '$database' AND pid IS NOT NULL";
}

is(value($node, 'SELECT 1'), 1, 'a server that preloads the library is up');
wait_for($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'p2ptext'",
	1, 'and runs a launcher only');

# Any database, as soon as it has the extension.
$node->safe_psql('postgres', 'CREATE DATABASE other');
value($node, 'CREATE EXTENSION p2ptext');
$node->safe_psql('other', 'CREATE EXTENSION p2ptext');
wait_for($node, workers('postgres'), 'receiver idle, sender idle', 'workers come with CREATE EXTENSION');
wait_for($node, workers('other'), 'receiver idle, sender idle', 'in each database');
my $starts = 'SELECT datname, kind, pid, starts FROM p2ptext.stat_worker';
my $before = value($node, $starts);
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION p2ptext; ROLLBACK');
is(value($node, $starts), $before, 'a DROP EXTENSION that is rolled back disturbs nobody');

# DROP EXTENSION while sending.
make_campaign($node, url => $gateway->url, voters => 500, first => 5000);
value($node, "SELECT p2ptext.approve_batch('c')");
wait_for($node, "SELECT in_flight > 0 FROM p2ptext.stat_worker WHERE datname = 'postgres' AND kind = 'sender'",
	't', 'texts hang at the gateway');
takes('postgres', 'DROP EXTENSION p2ptext CASCADE; DROP TABLE voters', 'DROP EXTENSION while sending');
my $left = "SELECT count(*) FROM pg_stat_activity
			WHERE backend_type ~ 'p2ptext' AND datname = 'postgres'";
wait_for($node, $left, 0, 'the workers are gone');
is($node->safe_psql('other', workers('other')), 'receiver idle, sender idle', 'those of another database are not');

# And again, with other voters; then a server stop with texts in every state.
my $already = $gateway->stats->{accepted};
make_campaign($node, url => $gateway->url, voters => 2000);
$node->safe_psql('postgres', <<'SQL');
SELECT p2ptext.approve_batch('c', 1000);
SQL
wait_until('texts hang at the gateway', sub { $gateway->stats->{accepted} > $already });
$node->safe_psql('postgres', <<'SQL');
SELECT p2ptext.opt_out(phone) FROM p2ptext.outbox WHERE status = 'draft' LIMIT 3;
UPDATE p2ptext.outbox SET status = 'cancelled', position = NULL WHERE id = (SELECT max(id) FROM p2ptext.outbox WHERE status = 'draft');
SQL
$gateway->until_quiet;
my $began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', PROMPT_S, sprintf('a fast stop takes %.2f s', time - $began));
my $accepted = $gateway->stats->{accepted} - $already;
$gateway->tell('config', hang => 0);
$node->start;
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')",
	0, 'what had not begun leaves after the restart');
is( value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown'"),
	$accepted, 'what hung at the gateway is of unknown fate');
my $times = $gateway->accepted;
is(scalar(grep { $_ > 1 } values %$times), 0, 'and was not sent again');
is( value($node, "SELECT status, count(*) FROM p2ptext.outbox WHERE status <> 'unknown' GROUP BY 1 ORDER BY 1"),
	"cancelled|1\ndraft|996\nsuppressed|3", 'the rest is as it was');
is( value($node, 'SELECT count(*) FROM p2ptext.message') + $accepted,
	1000, 'every approved text is accounted for');

# Terminated workers come back; a reload adds a sender, another takes it away.
my $pid = value($node, "SELECT pid FROM p2ptext.stat_worker WHERE datname = 'postgres' AND kind = 'sender'");
value($node, "SELECT pg_terminate_backend($pid)");
wait_for($node, "SELECT count(*) FROM p2ptext.stat_worker
				 WHERE datname = 'postgres' AND kind = 'sender' AND state = 'idle' AND pid <> $pid",
	1, 'a terminated sender comes back');
my $launcher = value($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'p2ptext launcher'");
value($node, "SELECT pg_terminate_backend($launcher)");
wait_for($node, "SELECT count(*) FROM pg_stat_activity
				 WHERE backend_type = 'p2ptext launcher' AND pid <> $launcher",
	1, 'so does the launcher');
wait_for($node, workers('postgres'), 'receiver idle, sender idle', 'and its workers');
value($node, "ALTER SYSTEM SET p2ptext.senders = 2");
value($node, 'SELECT pg_reload_conf()');
wait_for($node, workers('postgres'), 'receiver idle, sender idle, sender idle', 'a reload adds a sender');
value($node, "ALTER SYSTEM RESET p2ptext.senders");
value($node, 'SELECT pg_reload_conf()');
wait_for($node, workers('postgres'), 'receiver idle, sender idle', 'and takes it away');

# Commands that need a database to themselves.
wait_for($node, workers('other'), 'receiver idle, sender idle', 'the other database has workers');
takes('postgres', 'CREATE DATABASE copy TEMPLATE other', 'CREATE DATABASE ... TEMPLATE');
wait_for($node, workers('other'), 'receiver idle, sender idle', 'the workers are back');
takes('postgres', 'ALTER DATABASE other RENAME TO renamed', 'ALTER DATABASE ... RENAME');
wait_for($node, workers('renamed'), 'receiver idle, sender idle', 'the workers are back');
takes('postgres', 'DROP DATABASE copy', 'DROP DATABASE');
my ($code) = $node->psql('postgres', 'CREATE DATABASE c2 TEMPLATE renamed OWNER nobody_at_all');
isnt($code, 0, 'a command that fails');
wait_for($node, workers('renamed'), 'receiver idle, sender idle', 'brings the workers back as well');

# The same while that database is sending to a gateway that never answers.
$gateway->tell('config', hang => 1);
$node->safe_psql('renamed', <<SQL);
CREATE TABLE voters AS SELECT n AS id, '+1919555' || lpad(n::text, 4, '0') AS cell FROM generate_series(1, 300) n;
ALTER TABLE voters ADD PRIMARY KEY (id);
SELECT p2ptext.add_source('v', 'voters', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('all', 'v', 'true');
SELECT p2ptext.add_gateway('tw', 'twilio', account => '@{[ACCOUNT]}', senders => '{@{[SENDER]}}', base_url => '@{[$gateway->url]}');
SELECT p2ptext.create_campaign('c', 'all', 'tw', 'Hi', mode => 'broadcast', hours_start => '00:00', hours_end => '24:00');
SELECT p2ptext.launch('c');
SELECT p2ptext.approve_batch('c');
SQL
wait_for($node, "SELECT in_flight > 0 FROM p2ptext.stat_worker WHERE datname = 'renamed' AND kind = 'sender'",
	't', 'texts hang at the gateway');
takes('postgres', 'DROP DATABASE renamed', 'DROP DATABASE while sending');
wait_for($node, "SELECT count(*) FROM p2ptext.stat_worker WHERE datid NOT IN (SELECT oid FROM pg_database)",
	0, 'nothing is left of its workers');

$node->stop;
$gateway->stop;
done_testing();
