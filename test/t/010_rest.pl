# Gateways that are busy, broken, hung or not there: they rest, nobody else
# waits for them, few texts become unknown, and all goes on when they are well.

use strict;
use warnings;

use lib 'test/t/lib';
use MIME::Base64;
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

my @numbers = map { sprintf '+1202555%04d', 100 + $_ } 0 .. 9;
my $gateway = start_gateway(delay_ms => 5);
my $hung = start_gateway(hang => 1);
my $closed = PostgreSQL::Test::Cluster::get_free_port();
my $node = start_cluster('rest',
	'p2ptext.senders' => 2,
	'p2ptext.request_timeout' => '60s',
	secrets => { hung => SECRET, gone => SECRET, bad => SECRET, odd => encode_base64(ACCOUNT . ':' . SECRET, '') });

sub open_in
{
	my ($campaign) = @_;
	return "SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
			WHERE c.name = '$campaign' AND o.status IN ('approved', 'sending')";
}

sub unknown_in
{
	my ($campaign) = @_;
	return value($node, "SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
			WHERE c.name = '$campaign' AND o.status = 'unknown'");
}

sub state_of
{
	my ($name) = @_;
	return "SELECT state FROM p2ptext.stat_limit WHERE kind = 'gateway' AND name = '$name'";
}

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [ $numbers[0] ]);
add_gateway($node, 'hung', $hung->url, [ $numbers[1] ]);

# One that never answers delays nobody else, in whatever order they come.
add_campaign($node, 'stuck', 'hung', voters => 3000);
add_campaign($node, 'quick', 'tw', voters => 3000);
approve_all($node, 'stuck');
wait_for($node, "SELECT sum(in_flight) > 0 FROM p2ptext.stat_worker", 't', 'texts hang at a gateway');
my $began = time;
approve_all($node, 'quick');
wait_for($node, open_in('quick'), 0, 'those for another one leave');
cmp_ok(time - $began, '<', promised(6, 45), sprintf('... in %.1f s', time - $began));
cmp_ok($hung->stats->{accepted}, '<=', 2 * 64, 'no more than the windows hang');
value($node, "SELECT p2ptext.pause('stuck')");

# A busy gateway says when to come again, and is left alone until then.
add_campaign($node, 'busy', 'tw', voters => 500);
$gateway->tell('config', rate429 => 1, retry_after => 10);
my $before = $gateway->stats;
approve_all($node, 'busy');
wait_for($node, state_of('tw'), 'open', 'a gateway that is busy rests');
is( value($node, "SELECT why FROM p2ptext.stat_limit WHERE kind = 'gateway' AND name = 'tw'"),
	'Too Many Requests', 'stat_limit says why');
cmp_ok(value($node, "SELECT extract(epoch FROM rests_until - now()) FROM p2ptext.stat_limit
	WHERE kind = 'gateway' AND name = 'tw'"), '>', 2.5, 'and until when');
sleep 1.5;
my $told = $gateway->stats;
$gateway->tell('config', rate429 => 0);
workers_rest($node, 'a gateway that rests');
sleep 2;
my $quiet = $gateway->stats;
is($quiet->{requests}, $told->{requests}, 'nothing is asked of it until the time it said');
is($quiet->{accepted}, $before->{accepted}, 'so it has accepted nothing');
cmp_ok($told->{requests} - $before->{requests}, '<=', promised(2, 4) * 64, 'only what was on its way has met it');
wait_for($node, open_in('busy'), 0, 'then all leave');
is(unknown_in('busy'), 0, 'and nothing is unknown');
is($gateway->stats->{accepted} - $before->{accepted}, 500, 'each once');
is(value($node, state_of('tw')), 'closed', 'the gateway is well again');

# A gateway that fails costs a few texts their fate: those that it got before
# it was known to work at all, or else those that were on their way.
add_gateway($node, 'bad', $gateway->url, [ $numbers[4] ]);
add_campaign($node, 'fresh', 'bad', voters => 500);
add_campaign($node, 'broken', 'tw', voters => 500);
$gateway->tell('config', rate5xx => 1);
foreach ([ 'bad', 'fresh', promised(30, 120) ], [ 'tw', 'broken', 4 * 64 ])
{
	my ($name, $campaign, $most) = @$_;

	approve_all($node, $campaign);
	wait_for($node, state_of($name), 'open', "$campaign: a gateway that answers 500 rests");
	sleep 2;
	my $lost = unknown_in($campaign);
	cmp_ok($lost, '<=', $most, "after two seconds $lost texts are of unknown fate");
	cmp_ok($lost, '>', 0, '... for a 500 does not say');
}
$gateway->tell('config', rate5xx => 0);
foreach ([ 'bad', 'fresh' ], [ 'tw', 'broken' ])
{
	my ($name, $campaign) = @$_;

	wait_for($node, open_in($campaign), 0, "$campaign: the others leave when it is well again");
	is( value($node, "SELECT count(*) FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id
					  WHERE c.name = '$campaign' AND m.status = 'sent'"),
		500 - unknown_in($campaign), '... each of them');
	is(value($node, state_of($name)), 'closed', '... by itself');
}

# Nobody listens: nothing was written, so nothing is unknown.
add_gateway($node, 'gone', "http://127.0.0.1:$closed", [ $numbers[2] ]);
add_campaign($node, 'absent', 'gone', voters => 200);
approve_all($node, 'absent');
wait_for($node, state_of('gone'), 'open', 'a gateway that is not there rests');
sleep 1;
is(unknown_in('absent'), 0, 'nothing is unknown');
my $late = start_gateway(port => $closed);
wait_for($node, open_in('absent'), 0, 'all leave when it is there');
is($late->stats->{accepted}, 200, 'each once');
is(unknown_in('absent'), 0, 'and still nothing is unknown');

# What can be tried again is, so often and no oftener.  Here that is what the
# settings of a gateway say of a code.
value($node, <<SQL);
SELECT p2ptext.add_gateway('odd', 'generic', base_url => '@{[$gateway->url]}', senders => '{$numbers[3]}',
	settings => '{"path": "/2010-04-01/Accounts/@{[ACCOUNT]}/Messages.json",
		"headers": {"Authorization": "Basic {{secret}}"},
		"form": {"To": "{{to}}", "From": "{{from}}", "Body": "{{body}}"},
		"sent": {"id": "/sid"}, "error": {"code": "/code", "text": "/message"},
		"codes": {"21999": "retry"}}');
UPDATE p2ptext.gateway SET max_attempts = 2 WHERE name = 'odd';
SQL
add_campaign($node, 'again', 'odd', voters => 3);
$gateway->tell('config', fail_rate => 1, fail_code => 21999);
$before = $gateway->stats->{rejected};
approve_all($node, 'again');
wait_for($node, open_in('again'), 0, 'what is refused time and again comes to an end');
is( value($node, "SELECT m.status, m.error_code, m.error_text, count(*) FROM p2ptext.message m
				  JOIN p2ptext.campaign c ON c.id = m.campaign_id WHERE c.name = 'again' GROUP BY 1, 2, 3"),
	'failed|21999|Refused as configured|3', 'as failed, with the code and words of the gateway');
is($gateway->stats->{rejected} - $before, 6, 'after max_attempts, no more and no less');

$node->stop;
$_->stop foreach $gateway, $hung, $late;
done_testing();
