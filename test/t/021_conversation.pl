# Two sessions act on one conversation: one wins, and the other is told.

use strict;
use warnings;

use lib 'test/t/lib';
use IPC::Run;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = start_gateway();
my $node = start_cluster('conversation');
make_campaign($node, url => $gateway->url, voters => 20);
value($node, "CREATE ROLE $_; SELECT p2ptext.grant_role('$_', 'texter')") foreach qw(ada bob);
value($node, "CREATE ROLE mo; SELECT p2ptext.grant_role('mo', 'manager')");
value($node, "SELECT p2ptext.approve_batch('c')");
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'", 20, 'texts leave');
# What is replied stays where it can be counted.
value($node, 'UPDATE p2ptext.gateway SET enabled = false');
my @ids = split /\n/, value($node, 'SELECT id FROM p2ptext.conversation ORDER BY id');

# A voter's text, as simulate_inbound() would have it but at once.
my $n_texts = 0;

sub hear
{
	my ($conversation, $body) = @_;
	$n_texts++;
	value($node, <<SQL);
SELECT p2ptext.store_inbound(ARRAY[k.gateway_id], '{text}', '{hear-$n_texts}', '{""}', '{""}', ARRAY[c.phone], ARRAY[c.sender],
	'{$body}', '{""}', '{""}', '{""}', '{""}', '{""}', '{""}')
FROM p2ptext.conversation c JOIN p2ptext.campaign k ON k.id = c.campaign_id WHERE c.id = $conversation
SQL
	wait_for($node, "SELECT outcome FROM p2ptext.inbound WHERE dedupe_key = 'hear-$n_texts'", 'applied', "the voter wrote $body");
}

# A texter takes the one voter who waits and whom nobody holds.
use constant TAKE => "SELECT replies FROM p2ptext.take_batch('c', 1, 'replies')";

sub take
{
	my ($role) = @_;
	return is(value($node, "SET ROLE $role; " . TAKE), 1, "$role takes who waits");
}

# A session of a role, which says all in one transaction.
sub start_session
{
	my ($role, @queries) = @_;
	my %session = (out => '', err => '');
	$session{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'),
			map { ('-c', $_) } "SET ROLE $role", @queries ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub said
{
	my ($session) = @_;
	$session->{run}->finish;
	return $session->{err};
}

# Whoever comes second waits for the first, and acts on what is then true.
# The words are in what the second says.
sub race
{
	my ($words, $first, $role, $second, $then) = @_;
	my $holder = $node->background_psql('postgres');
	$holder->query_safe($_) foreach 'BEGIN', @$first;
	my $session = start_session($role, $second);
	wait_for($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%$words%'",
		't', 'the second waits');
	$holder->query_safe($_) foreach @{ $then // [] }, 'COMMIT';
	$holder->quit;
	return said($session);
}

my $texts = 'SELECT count(*) FROM p2ptext.outbox WHERE kind = \'reply\' AND conversation_id =';
my $id = shift @ids;
hear($id, 'first');
take('ada');
like(race($id, [ 'SET LOCAL ROLE ada', "SELECT p2ptext.reply($id, 'Yes')" ], 'ada', "SELECT p2ptext.reply($id, 'Yes')"),
	qr/55000: this reply has been sent already.*HINT/s, 'the same reply from two windows');
is(value($node, "$texts $id"), 1, 'is one text');

$id = shift @ids;
hear($id, 'second');
take('ada');
like(race($id, [ 'SET LOCAL ROLE ada', "SELECT p2ptext.reply($id, 'Yes')" ], 'mo', "SELECT p2ptext.reply($id, 'Well')"),
	qr/55000: conversation $id has been answered by "ada".*HINT/s, 'two people answer');
like(race($id, [ 'SET LOCAL ROLE ada', "SELECT p2ptext.close($id, 'refused')" ], 'mo', "SELECT p2ptext.reply($id, 'Well')"),
	qr/55000: conversation $id is closed.*HINT/s, 'one closes, the other answers');
like(race($id, [ 'SET LOCAL ROLE ada', "SELECT p2ptext.reopen($id)" ], 'mo', "SELECT p2ptext.reopen($id)"),
	qr/55000: conversation $id is not closed/, 'both reopen');
like(race($id, [ 'SET LOCAL ROLE ada', "SELECT p2ptext.close($id)" ], 'mo', "SELECT p2ptext.close($id)"),
	qr/55000: conversation $id is closed already.*DETAIL:  "ada" closed it.*HINT/s, 'both close');
is(value($node, "$texts $id"), 1, 'and one text is all there is');

# Two texters take the same voter whom nobody holds.
$id = shift @ids;
hear($id, 'third');
{
	my $ada = $node->background_psql('postgres');
	$ada->query_safe($_) foreach 'BEGIN', 'SET LOCAL ROLE ada';
	is($ada->query_safe(TAKE), 1, 'one takes a voter');
	is(value($node, 'SET ROLE bob; ' . TAKE), 0, 'the other passes them over at once');
	$ada->query_safe('COMMIT');
	$ada->quit;
}
like(said(start_session('bob', "SELECT p2ptext.reply($id, 'Bob here')")),
	qr/42501: conversation $id is held by another texter.*HINT/s, 'whoever came first holds them');

# The voter writes while somebody answers what was before.
$id = shift @ids;
hear($id, 'fourth');
take('ada');
my $seen = value($node, "SELECT seen FROM p2ptext.inbox WHERE conversation_id = $id");
hear($id, 'but wait');
like(said(start_session('ada', "SELECT p2ptext.reply($id, 'Fine', seen => $seen)")),
	qr/55000: conversation $id has moved on.*DETAIL:  The voter wrote text.*HINT/s, 'the voter has written meanwhile');
is(value($node, "$texts $id"), 0, 'nothing is sent');

# All at once.
$id = shift @ids;
hear($id, 'fifth');
take('ada');
my @sessions = map { start_session('ada', "SELECT p2ptext.reply($id, 'Only once')") } 1 .. 15;
is(scalar(grep { said($_) =~ /55000: this reply has been sent already/ } @sessions), 14, 'fourteen of fifteen are told');
is(value($node, "$texts $id"), 1, 'one text');
my @closers = map { start_session('ada', "SELECT p2ptext.close($id)") } 1 .. 10;
is(scalar(grep { said($_) =~ /55000: conversation $id is closed already/ } @closers), 9, 'one closes');

# Who is suspended while their texts are on the way: these come back, and the
# record does not say that they were approved by a suspended texter.
my @last = splice @ids, 0, 2;
foreach my $i (@last)
{
	hear($i, 'last');
	value($node, 'SET ROLE bob; ' . TAKE);
}
is( race('suspend', [ 'SET LOCAL ROLE bob', "SELECT p2ptext.reply($last[0], 'One')" ],
		'mo', "SELECT p2ptext.suspend('bob')", [ "SELECT p2ptext.reply($last[1], 'Two')" ]),
	'', 'a texter is suspended who is at work');
is( value($node, "SELECT o.status, o.approved_at < b.suspended_at FROM p2ptext.outbox o, p2ptext.member b
		WHERE o.conversation_id IN ($last[0], $last[1]) AND o.kind = 'reply' AND b.role = 'bob'"),
	"review|t\nreview|t", 'what they approved until then waits for a look');

# The record has no gap, whoever was there.
is(value($node, <<'SQL'), '', 'each move begins where the one before it ended');
SELECT conversation_id, from_status, was FROM (
	SELECT conversation_id, from_status, lag(to_status, 1, 'needs_message') OVER (PARTITION BY conversation_id ORDER BY at) AS was
	FROM p2ptext.conversation_event) e WHERE from_status <> was
SQL
is(value($node, <<'SQL'), '', 'and the last one where the conversation is');
SELECT c.id FROM p2ptext.conversation c WHERE message_status <> (
	SELECT to_status FROM p2ptext.conversation_event e WHERE e.conversation_id = c.id ORDER BY at DESC LIMIT 1)
SQL
is(value($node, "SELECT string_agg(DISTINCT who, ' ' ORDER BY who) FROM p2ptext.conversation_event WHERE why = 'received'"),
	'p2ptext receiver', 'workers are named');

$node->stop;
$gateway->stop;
done_testing();
