# Launches and what happens meanwhile: another launch, a source that is being
# loaded, opt-outs, a cancel, the death of the backend.  At the end each phone
# has one draft, and nothing is half there.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant VOTERS => 3000;

my $node = start_cluster('launch');

value($node, <<SQL);
CREATE EXTENSION p2ptext;
CREATE TABLE voters (id int PRIMARY KEY, first_name text, cell text);
INSERT INTO voters SELECT n, 'V' || n, '+1919555' || lpad((n % 2900)::text, 4, '0') FROM generate_series(1, @{[VOTERS]}) n;
-- a reader of the source waits where a test wants it to
CREATE FUNCTION gate(id int) RETURNS boolean LANGUAGE plpgsql STABLE AS \$\$
BEGIN
	IF id = 1500 THEN PERFORM pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1); END IF;
	RETURN true;
END \$\$;
SELECT p2ptext.add_source('voters', 'voters', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('all', 'voters', 'true');
SELECT p2ptext.add_segment('gated', 'voters', 'true');
UPDATE p2ptext.segment SET predicate = 'gate(id)' WHERE name = 'gated';
SELECT p2ptext.add_gateway('lo', 'loopback');
UPDATE p2ptext.gateway SET enabled = false, settings = '{"reply_rate": 0}';
SQL

sub campaign
{
	my ($name, $segment) = @_;
	value($node, "SELECT p2ptext.create_campaign('$name', '$segment', 'lo', 'Hi {{first_name}}', mode => 'broadcast')");
	return;
}

# Drafts, their phones and conversations, and the drops that hold.
sub counts
{
	my ($name) = @_;
	return value($node, <<SQL);
SELECT count(o.id), count(DISTINCT o.phone), count(DISTINCT v.id),
	(SELECT count(*) FROM p2ptext.dropped d WHERE d.campaign_id = c.id)
FROM p2ptext.campaign c LEFT JOIN p2ptext.conversation v ON v.campaign_id = c.id
LEFT JOIN p2ptext.outbox o ON o.conversation_id = v.id AND o.campaign_id = v.campaign_id
WHERE c.name = '$name' GROUP BY c.id
SQL
}

# A session that launches and is stopped while it reads the source, by a lock
# that another holds.
sub start_gated
{
	my ($name, $how) = @_;
	my $gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(1)');
	my $launch = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $launch->query_safe('SELECT pg_backend_pid()');
	$launch->query_until(qr/begun/, "\\echo begun\n$how;\n");
	wait_for($node, "SELECT wait_event FROM pg_stat_activity WHERE pid = $pid", 'advisory', "$name: a launch reads the source");
	return ($gate, $launch, $pid);
}

# Two at once take turns, and the second finds nothing to add.
campaign('twice', 'gated');
my ($gate, $launch, $pid) = start_gated('twice', q(SELECT drafted FROM p2ptext.launch('twice')));
is(value($node, 'SELECT campaign, phase FROM p2ptext.stat_launch'), 'twice|reading the audience', 'others see how far it is');
my $second = $node->background_psql('postgres');
my $second_pid = $second->query_safe('SELECT pg_backend_pid()');
$second->query_until(qr/begun/, "\\echo begun\nSELECT drafted FROM p2ptext.launch('twice');\n");
wait_for($node, "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $second_pid", 'Lock', 'another waits');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
is($second->query_safe('SELECT 1'), "0\n1", 'the second has nothing to add');
is($launch->query_safe('SELECT 1'), "2900\n1", 'the first has drafted all');
is(counts('twice'), '2900|2900|2900|100', 'two launches at once: one draft for each phone');
is(value($node, 'SELECT count(*) FROM p2ptext.stat_launch'), 0, 'and none runs any more');
$_->quit for $second, $launch, $gate;

# While the source grows, by other sessions: whoever came late is added later.
campaign('grows', 'gated');
($gate, $launch) = start_gated('grows', q(SELECT drafted FROM p2ptext.launch('grows')));
value($node, "INSERT INTO voters SELECT n, 'Late', '+1919556' || lpad((n % 50)::text, 4, '0') FROM generate_series(10001, 10100) n");
$gate->query_safe('SELECT pg_advisory_unlock(1)');
is($launch->query_safe('SELECT 1'), "2900\n1", 'a launch takes the source as it was when it began');
is(value($node, "SELECT drafted FROM p2ptext.launch('grows')"), 50, 'the next adds who came since');
is(counts('grows'), '2950|2950|2950|150', 'one draft for each phone');
$_->quit for $launch, $gate;

# Opt-outs that commit while the audience has been read, and while none of
# the drafts can be seen: nothing of them can leave.
campaign('stops', 'gated');
($gate, $launch) = start_gated('stops', q(BEGIN; SELECT drafted FROM p2ptext.launch('stops')));
value($node, "SELECT p2ptext.opt_out('+19195550' || n) FROM generate_series(100, 119) n");
$gate->query_safe('SELECT pg_advisory_unlock(1)');
$launch->query_safe('SELECT 1');
value($node, "SELECT p2ptext.opt_out('+19195550' || n) FROM generate_series(120, 129) n");
$launch->query_safe('COMMIT');
is( value($node, "SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
	WHERE c.name = 'stops' AND o.status = 'draft' AND o.phone BETWEEN '+19195550100' AND '+19195550119'"),
	0, 'what opts out while a launch reads has no draft');
value($node, "SELECT p2ptext.approve_batch('stops', 100000)");
value($node, 'UPDATE p2ptext.gateway SET enabled = true');
wait_for($node, "SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
	WHERE c.name = 'stops' AND o.status IN ('approved', 'sending')", 0, 'all that may leave has left');
value($node, 'UPDATE p2ptext.gateway SET enabled = false');
is( value($node, "SELECT count(*), count(*) FILTER (WHERE phone BETWEEN '+19195550100' AND '+19195550129')
	FROM p2ptext.message WHERE direction = 'out' AND kind = 'initial'"),
	'2920|0', 'nobody was texted who opted out before the launch committed');
$_->quit for $launch, $gate;

# Cancelled or killed, a launch leaves nothing; in batches it leaves whole
# ones, and the next goes on.
foreach my $end (qw(pg_cancel_backend pg_terminate_backend kill))
{
	campaign($end, 'gated');
	($gate, $launch, $pid) = start_gated($end, "SELECT drafted FROM p2ptext.launch('$end')");
	if ($end eq 'kill')
	{
		kill 'KILL', $pid;
		wait_gone($pid, 'the backend is gone');
		wait_for($node, 'SELECT 1', 1, 'the server is back');
	}
	else
	{
		value($node, "SELECT $end($pid)");
		wait_for($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'", 0, "$end: it has ended");
	}
	is(counts($end), '0|0|0|0', "$end: nothing is half there");
	is(value($node, "SELECT status, (SELECT count(*) FROM p2ptext.launch l WHERE l.campaign_id = c.id)
		FROM p2ptext.campaign c WHERE name = '$end'"), 'draft|0', '... not even in name');
	eval { $gate->quit };
	eval { $launch->quit };
	is(value($node, "SELECT drafted FROM p2ptext.launch('$end')"), 2920, 'and a launch then does it all');
	is(counts($end), '2920|2920|2920|180', 'one draft for each phone');
}

# A batch whose drafts a trigger refuses ends a launch between batches.
campaign('batches', 'all');
value($node, <<'SQL');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.phone = '+19195552000' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON p2ptext.outbox FOR EACH ROW EXECUTE FUNCTION refuse();
SQL
my ($code, $out, $err) = $node->psql('postgres', "CALL p2ptext.launch_in_batches('batches', 200)");
like($err, qr/not this one/, 'a launch in batches is interrupted');
my ($drafts) = split /\|/, counts('batches');
ok($drafts > 500 && $drafts < 2500, "... and $drafts drafts stay");
is(value($node, "SELECT drafted, finished_at FROM p2ptext.launch l JOIN p2ptext.campaign c ON c.id = l.campaign_id
	WHERE c.name = 'batches'"), '|', '... of a launch that did not finish');
value($node, 'DROP TRIGGER refuse ON p2ptext.outbox');
$node->psql('postgres', "CALL p2ptext.launch_in_batches('batches', 200)");
is(counts('batches'), '2920|2920|2920|180', 'the next adds the rest: one draft for each phone');
is(value($node, "SELECT count(*) FROM p2ptext.audience_as_of('batches')"), 3100, 'everybody is accounted for');

$node->stop;
done_testing();
