# kill -9 of the listening courier, of the receiver and of the server, again
# and again, while a provider sends signed webhooks and tries again what got no
# 2xx.  Whatever was acknowledged is there once, and was applied once.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);
use Torture ();

# Four webhooks for each voter; make torture sends more.
my $long = $ENV{TORTURE_MINUTES};
my $voters = $long ? 12500 : 750;
my @kills = (qw(listener receiver postmaster)) x ($long ? 7 : 3);
my $seed = $ENV{TORTURE_SEED} || 1;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $gateway = start_gateway();
my $node = start_cluster('receivekill',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port",
	'max_wal_size' => '4GB');

note("seed $seed");
srand($seed);
create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
add_campaign($node, 'c', 'tw', voters => $voters);
approve_all($node, 'c');
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'", $voters, 'texts leave');

# So many commits take so long that kills find one that is not done.
value($node, <<'SQL');
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON p2ptext.inbound DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.id % 20 = 0) EXECUTE FUNCTION dawdle();
SQL

# Of each text two receipts come, and two texts from its voter, the last of
# which sometimes is STOP.
sub webhooks_of
{
	my ($phone, $sid, $ref) = @_;
	my ($n) = $phone =~ /(\d{10})$/;
	my @webhooks;

	foreach my $status (qw(sent delivered))
	{
		push @webhooks, [ "$sid:$status", webhook($port, "/webhook/tw/status/$ref",
				MessageSid => $sid, MessageStatus => $status, From => SENDER, To => $phone) ];
	}
	foreach my $i (1, 2)
	{
		my $in = sprintf 'SM%032x', $i * 1e11 + $n;
		push @webhooks, [ $in, webhook($port, '/webhook/tw', MessageSid => $in, From => $phone, To => SENDER,
				Body => $i == 2 && $n % 20 == 0 ? 'STOP' : "What I say: $in", NumMedia => 0) ];
	}
	return @webhooks;
}

my @requests = map { [ rand, webhooks_of(split /\|/) ] } split /\n/, value($node, <<'SQL');
SELECT phone, provider_id, ref FROM p2ptext.message WHERE direction = 'out' ORDER BY id
SQL
@requests = map { @$_[ 1 .. $#$_ ] } sort { $a->[0] <=> $b->[0] } @requests;
is(scalar(@requests), 4 * $voters, 'so many webhooks are to come');

my $listens = "SELECT state IN ('idle', 'busy') AND courier_pid IS NOT NULL
	FROM p2ptext.stat_worker WHERE kind = 'receiver'";
wait_for($node, $listens, 't', 'the receiver listens');
my $client = start_client($port, PostgreSQL::Test::Utils::tempdir() . '/acked', \@requests, $long ? 1800 : 600);
my $portion = int(@requests / (@kills + 1));
my $in_the_middle = 0;
foreach my $n (0 .. $#kills)
{
	wait_for($node, $listens, 't', "it is time for a kill of the $kills[$n]");
	my $wanted = acked($client) + $portion * rand 0.7;
	release($client, $portion);
	sleep 0.01 while acked($client) < $wanted && !defined client_done($client);
	Torture::kill_one($node, $kills[$n]);
	$in_the_middle++ if acked($client) < $portion * ($n + 1);
}
cmp_ok($in_the_middle, '>', 0, "$in_the_middle kills came while webhooks did");
release($client, @requests - $portion * @kills);
ok(client_done($client, 1), 'in the end each is acknowledged')
  or diag(scalar(acked($client)) . ' of ' . @requests, value($node, 'TABLE p2ptext.stat_worker'));

wait_for($node, 'SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL', 0, 'and applied');
my %there = map { $_ => 1 } split /\n/, value($node, 'SELECT dedupe_key FROM p2ptext.inbound');
is_deeply([ grep { !$there{$_} } acked($client) ], [], 'what was acknowledged is there');
is(value($node, 'SELECT count(*) FROM p2ptext.inbound'), scalar(@requests), '... once');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE outcome NOT IN ('applied', 'stale')"),
	0, 'each was applied');
is( value($node, "SELECT count(*), count(DISTINCT m.provider_id), count(DISTINCT m.id)
		FROM p2ptext.message m
		JOIN p2ptext.inbound i ON i.kind = 'text' AND i.message_id = m.id AND i.provider_id = m.provider_id
			AND i.phone = m.phone AND i.body = m.body
		JOIN p2ptext.conversation v ON v.id = m.conversation_id AND v.phone = m.phone
		WHERE m.direction = 'in'"),
	join('|', (2 * $voters) x 3), 'each text is in its conversation, once');
is(value($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'in'"), 2 * $voters, '... and no other');
is(value($node, "SELECT status, count(*) FROM p2ptext.message WHERE direction = 'out' GROUP BY 1"),
	"delivered|$voters", 'each text of ours is delivered');
is( value($node, "SELECT count(*), count(DISTINCT phone) FROM p2ptext.opt_out"),
	value($node, "SELECT count(*), count(*) FROM p2ptext.inbound WHERE body = 'STOP'"),
	'each STOP opts out, once');

$node->stop;
$gateway->stop;
done_testing();
