# The feed: another cluster, set up as README.md says, follows campaigns by
# logical replication, row by row, and sends nothing; the publication comes and
# goes with the extension, and a dump of the database still restores.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant VOTERS => 300;

my @tables = qw(organisation gateway sender campaign script_variant interaction_step answer_option
  conversation message question_response opt_out launch audience_drop);
my $node = start_cluster('feed', streaming => 'logical');
my $follower = start_cluster('follower', 'p2ptext.databases' => 'nowhere');

# How many rows each table has, and a sum over all that they say.
my $sums = join "\nUNION ALL ", map {
	"SELECT '$_', count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM p2ptext.$_ t"
} @tables;

sub agrees
{
	my ($what) = @_;
	my $wanted = value($node, $sums);

	wait_for($follower, $sums, $wanted, $what, 60);
	return $wanted;
}

make_campaign($node, voters => VOTERS);
value($node, "UPDATE p2ptext.gateway SET settings = '{\"seed\": 7, \"reply_rate\": 0.5, \"reply_delay_ms\": 50,
	\"mix\": {\"yes\": 3, \"no\": 2, \"question\": 2, \"wrong_number\": 1, \"stop\": 2}}'");
value($node, "SELECT p2ptext.add_variant('c', 'B', 'Hi {{first_name}}, can we count on you?')");
value($node, "SELECT p2ptext.approve_batch('c', 100)");
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'out'", 100, 'texts leave before anybody follows');

my ($here, $there) = (split /^### Following along$/m, slurp_file('README.md'))[1] =~ /^```pgsql\n(.*?)^```$/msg;
my $connection = join ' ', 'host=' . $node->host, 'port=' . $node->port, 'dbname=postgres user=feed';
value($node, $here);
ok($there =~ s/CONNECTION '.*?'/CONNECTION '$connection'/, 'README.md says how to follow');
$follower->safe_psql('postgres', $there);
$follower->wait_for_subscription_sync($node, 'campaigns');
value($node, "SELECT p2ptext.approve_batch('c')");
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'out' AND status IN ('delivered', 'undelivered')",
	VOTERS, '... and the others while it does', 60);
wait_for($node, 'SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL', 0, 'all replies are applied', 60);
my $conversation = value($node, 'SELECT conversation_id FROM p2ptext.inbox ORDER BY 1 LIMIT 1');
value($node, "SELECT p2ptext.reply($conversation, 'Thank you! — 🗳')");
value($node, "SELECT p2ptext.record_answer($conversation, 'yes')");
value($node, "SELECT p2ptext.opt_out('+19195550299')");
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'out' AND status IN ('delivered', 'undelivered')",
	VOTERS + 1, 'an answer leaves too');
is(value($node, <<'SQL'), 't|t|t|t', 'there were replies, answers, opt-outs and wrong numbers');
SELECT count(*) FILTER (WHERE direction = 'in') > 50, (SELECT count(*) FROM p2ptext.question_response) > 10,
	(SELECT count(*) FROM p2ptext.opt_out) > 5,
	(SELECT count(*) FROM p2ptext.conversation WHERE result = 'wrong_number') > 0
FROM p2ptext.message
SQL

my $before = agrees('the follower has each row as it is');
value($node, "UPDATE p2ptext.campaign SET status = 'archived'");
isnt(agrees('... and each change'), $before, '... of which there was one');
is($follower->safe_psql('postgres', 'SELECT response_rate IS NOT NULL, texted FROM p2ptext.campaign_summary'),
	't|' . VOTERS, 'views count there as well');

# Nobody there sends.
my $workers = 'SELECT count(pid) FROM p2ptext.stat_worker';
is($follower->safe_psql('postgres', $workers), 0, 'no worker runs at the follower');
is(value($node, $workers), 2, '... as they do here');
is($follower->safe_psql('postgres', 'SELECT count(*) FROM p2ptext.outbox'), 0, 'it has nothing to send');
is(value($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'out'"), VOTERS + 1, 'everybody was texted once');

# The publication belongs to the extension.
my $file = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'pg_dump');
unlike(slurp_file($file), qr/CREATE PUBLICATION|ALTER PUBLICATION/, 'a dump makes no publication');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr('restored') ], 'restore');
my $members = "SELECT count(*) FROM pg_publication_tables WHERE pubname = 'p2ptext_feed' AND schemaname = 'p2ptext'";
is($node->safe_psql('restored', $members), scalar @tables, 'the restored database has one of its own');
is($node->safe_psql('restored', "SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM p2ptext.message m"),
	value($node, "SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM p2ptext.message m"), '... and every message');

$follower->safe_psql('postgres', 'DROP SUBSCRIPTION campaigns');
is($follower->safe_psql('postgres', 'SELECT count(*) FROM p2ptext.message'),
	value($node, 'SELECT count(*) FROM p2ptext.message'), 'who no longer follows keeps the rows');
value($node, 'DROP EXTENSION p2ptext CASCADE');
is(value($node, 'SELECT count(*) FROM pg_publication'), 0, 'the publication goes with the extension');
value($node, 'CREATE EXTENSION p2ptext');
is(value($node, $members), scalar @tables, '... and comes with it');

$follower->stop;
$node->stop;
done_testing();
