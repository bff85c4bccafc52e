# Opt-outs of every kind in the middle of everything: what was committed as an
# opt-out gets nothing more but one confirmation, by the record of the gateway.

use strict;
use warnings;

use lib 'test/t/lib';
use IPC::Run;
use P2pText;
use PostgreSQL::Test::Cluster;
use Receiving ();
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

use constant CONFIRMATION => 'You are out.';

# Time for the commit to wake the sender, for the transaction that it may be
# in, and for one frame to the courier, which gives back what has not begun.
use constant HANDOVER_MS => promised(500, 2500);

my $gateway = start_gateway(delay_ms => 200);
my $node = start_cluster('opt_out', 'p2ptext.max_in_flight' => 40, 'p2ptext.request_timeout' => '60s');
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending', 'unknown')";

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
# Two campaigns with the same phones; one grows while it is sent.
add_campaign($node, $_, 'tw', voters => 300) foreach 'live', 'other';
value($node, <<SQL);
SELECT p2ptext.confirm_opt_outs('tw', '@{[CONFIRMATION]}', provider_is_silent => true);
CREATE FUNCTION grow() RETURNS bigint LANGUAGE plpgsql AS \$\$
BEGIN
	INSERT INTO voters_live SELECT n, phone_of(n), false
	FROM generate_series((SELECT max(id) + 1 FROM voters_live), (SELECT max(id) + 20 FROM voters_live)) n;
	RETURN (SELECT drafted FROM p2ptext.launch('live'));
END \$\$;
CREATE FUNCTION try_reply() RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
	RETURN (SELECT (p2ptext.reply(c.id, 'And ' || c.id || ' ' || clock_timestamp())).status FROM (
		SELECT id FROM p2ptext.conversation WHERE last_out_at IS NOT NULL ORDER BY random() LIMIT 1) c);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END \$\$;
CREATE FUNCTION say_stop(phones text[]) RETURNS bigint LANGUAGE sql AS \$\$
	SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg(gen_random_uuid()::text),
		array_agg(''::text), array_agg(''::text), array_agg(p), array_agg('@{[SENDER]}'::text), array_agg('Stop'::text),
		array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::text),
		array_agg(''::bytea))).fresh
	FROM p2ptext.gateway g, unnest(phones) p
\$\$;
SQL

my @sessions = map { Receiving::start_session($node) } 1 .. 4;
my @busy = (
	"SELECT p2ptext.approve_batch('live', 40)",
	"SELECT p2ptext.approve_batch('other', 20)",
	'SELECT grow()',
	'SELECT try_reply()');
foreach my $n (0 .. $#busy)
{
	$sessions[$n]{in} .= "$busy[$n] \\watch 0.1\n";
	$sessions[$n]{run}->pump_nb;
}

my (%stopped, %by_text, @errors);
my @how = (
	"SELECT p2ptext.opt_out(p) FROM unnest(%s) p",
	"SELECT say_stop(%s)",
	"SELECT opted_out FROM p2ptext.opt_out_bulk(%s)",
	"SELECT say_stop(%1\$s || %1\$s)");
for (my $n = 0; $n < 48; $n++)
{
	# Drafts, approved, sending or sent, as it comes.
	my @phones = split /\n/, value($node, <<SQL);
SELECT DISTINCT phone FROM (SELECT phone FROM p2ptext.conversation WHERE result IS NULL ORDER BY random() LIMIT 5) c
SQL
	last unless @phones;
	my $list = "'{" . join(',', @phones) . "}'::text[]";
	my ($code, $out, $error) = $node->psql('postgres', sprintf($how[ $n % @how ], $list));
	my $now = time * 1000;
	push @errors, $error if $code != 0;
	$stopped{$_} //= $now foreach @phones;
	if ($n % 2) { $by_text{$_}++ foreach @phones }
	$_->{run}->pump_nb foreach @sessions;
}
is_deeply(\@errors, [], 'opt-outs wait for nobody');
foreach my $s (@sessions)
{
	is($s->{err}, '', 'launches, approvals and replies go on');
	$s->{run}->kill_kill;
}
approve_all($node, 'live', 'other');
wait_for($node, $open, 0, 'the rest leaves');

cmp_ok(scalar(keys %stopped), '>', 120, 'many opted out meanwhile');
my (@late, %confirmed, @not_asked);
foreach my $m (records($gateway))
{
	if ($m->{body} eq CONFIRMATION)
	{
		$confirmed{ $m->{to} }++;
		push @not_asked, $m->{to} unless $by_text{ $m->{to} };
		next;
	}
	my $after = $m->{wall_ms} - ($stopped{ $m->{to} } // next);
	push @late, sprintf('%s by %d ms', $m->{to}, $after) if $after > HANDOVER_MS;
}
is_deeply(\@late, [], 'nothing begins later than ' . HANDOVER_MS . ' ms after an opt-out');
cmp_ok(scalar(keys %confirmed), '>', 0, 'opt-outs are confirmed');
note(scalar(keys %confirmed) . ' of ' . scalar(keys %by_text) . ' confirmed');
is_deeply([ grep { $confirmed{$_} > 1 } keys %confirmed ], [], '... once');
is_deeply(\@not_asked, [], '... to voters who wrote it');
is(value($node, <<SQL), 0, '... within five minutes');
SELECT count(*) FROM p2ptext.message m JOIN p2ptext.opt_out o ON o.id = m.confirms
WHERE m.sent_at > o.created_at + interval '5 min'
SQL
is(value($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'out'"),
	scalar(records($gateway)), 'every text is accounted for');
is(value($node, <<SQL), 0, 'no draft is left for who opted out');
SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.opt_out x ON x.phone = o.phone WHERE o.status IN ('draft', 'approved')
SQL
is_deeply(twice(grep { $_->{body} ne CONFIRMATION } records($gateway)), [], 'no phone got a text twice');

$node->stop;
$gateway->stop;
done_testing();
