# A standby takes over from a primary that died while it was sending, with
# texts in every state: what was being sent is of unknown fate, and the rest is
# what it was.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;

my $gateway = start_gateway;
my $node = start_cluster('primary', streaming => 1, 'p2ptext.request_timeout' => '60s');
my $states = "SELECT string_agg(s || ' ' || n, ', ' ORDER BY s) FROM (
	SELECT status || coalesce(' ' || reason, ''), count(*) FROM p2ptext.outbox GROUP BY 1) AS t(s, n)";

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('successor');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# Unknown; waiting for a time; stopped; opted out; cancelled; being sent.
add_campaign($node, 'lost', 'tw', voters => 3);
$gateway->tell('config', drop_after => 1);
approve_all($node, 'lost');
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown'", 3, 'some are of unknown fate');
$gateway->tell('config', drop_after => 0);
add_campaign($node, 'later', 'tw', voters => 3, options => "contact_gap => '1 day'");
approve_all($node, 'later');
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE reason = 'contact_gap'", 3, 'some wait for a time');
add_campaign($node, 'paused', 'tw', first => 100, voters => 20);
value($node, "SELECT p2ptext.pause('paused')");
approve_all($node, 'paused');
add_campaign($node, 'gone', 'tw', first => 200, voters => 6);
value($node, "SELECT p2ptext.opt_out('@{[phone_of(200)]}'), p2ptext.opt_out('@{[phone_of(201)]}')");
value($node, "SELECT p2ptext.cancel('gone')");
add_campaign($node, 'sending', 'tw', first => 300, voters => 100);
$gateway->tell('config', hang => 1);
value($node, "SELECT p2ptext.approve_batch('sending', 60)");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'sending'", 60, 'some are being sent');
my $known = value($node, $states);
my $who = value($node, 'SELECT current_user');
is( $known, "approved 20, approved contact_gap 3, cancelled by $who 4, draft 40, sending 60, "
	  . 'suppressed opted_out 2, unknown no_answer 3', 'texts are in every state');
$gateway->until_quiet;

$node->wait_for_catchup($standby);
$node->kill9;
my $before = scalar(records($gateway));
$gateway->tell('config', hang => 0);
$standby->promote;
wait_for($standby, $states, $known =~ s/sending 60, //r =~ s/(unknown no_answer 3)/$1, unknown sender_stopped 60/r,
	'what was being sent is of unknown fate, the rest is what it was');
is(scalar(records($gateway)), $before, 'and nothing has left from the successor');

value($standby, "SELECT p2ptext.resume('paused')");
approve_all($standby, 'sending');
wait_for($standby, 'SELECT count(*) FROM p2ptext.message', 60, 'when told to, it sends what has not begun');
is_deeply(twice(records($gateway)), [], 'nobody got a text twice');

# Its texts of unknown fate can be asked for.
my %there = map { $_->{sid} => 1 } grep { $_->{body} =~ /sending/ } records($gateway);
value($standby, "SELECT p2ptext.reconcile('sending'), p2ptext.reconcile('lost')");
wait_for($standby, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown' AND reason <> 'not_found'", 0,
	'the gateway is asked for those');
is( value($standby, "SELECT count(*) FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id
					 WHERE c.name IN ('sending', 'lost')"),
	keys(%there) + 3, 'what it has is sent');

$standby->stop;
$gateway->stop;
done_testing();
