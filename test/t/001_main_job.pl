# The main job over HTTP: every approved text arrives once, with the right
# body, numbers and callback URL; receipts and replies come back by webhook.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $public = "http://127.0.0.1:$port";
my $gateway = start_gateway(callbacks => 1, callback_delay_ms => 20);
my $node = start_cluster('main',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => $public);

make_campaign($node, url => $gateway->url, voters => 1000);
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'",
	'idle', 'the receiver listens');
is(value($node, "SELECT p2ptext.approve_batch('c', 600)"), 600, 'a batch is approved');
wait_for($node, "SELECT count(*) FROM p2ptext.message", 600, 'all of it is sent');
is(value($node, "SELECT p2ptext.approve_batch('c')"), 400, 'the rest is approved');
wait_for($node, "SELECT count(*) FROM p2ptext.outbox", 0, 'the outbox is empty');

my @got = $gateway->messages;
is(scalar @got, 1000, 'the gateway accepted 1000 texts');
is(scalar keys %{ $gateway->accepted }, 1000, 'each to another phone');
my $wrong = 0;
foreach my $text (@got)
{
	my ($n) = $text->{to} =~ /^\+1919555(\d{4})$/;
	$wrong++
	  if $text->{from} ne SENDER
	  || $text->{body} ne 'Hi Voter ' . ($n + 0) . ', will you vote?'
	  || $text->{status_callback} !~ m{^\Q$public\E/webhook/tw/status/\d+-[0-9a-f]{32}(#|$)};
}
is($wrong, 0, 'with the right sender, body and callback URL');

wait_for($node, "SELECT status, count(*) FROM p2ptext.message GROUP BY 1",
	'delivered|1000', 'receipts make all of it delivered')
  or diag(value($node, "SELECT status, outcome, count(*) FROM p2ptext.inbound GROUP BY 1, 2"),
	explain($gateway->stats));
is( value($node, "SELECT count(*) FROM p2ptext.message
				  WHERE approved_by = current_user AND approved_at <= sent_at AND provider_id ~ '^SM'"),
	1000, 'who approved it, when, and the id the gateway gave are kept');
is( value($node, "SELECT DISTINCT message_status FROM p2ptext.conversation"),
	'messaged', 'conversations are messaged');

sub inbound
{
	my ($from, $body, $to) = @_;
	$gateway->tell('inbound', url => "$public/webhook/tw", from => $from,
		to => $to // SENDER, body => $body);
}

# A voter answers, another says stop, a third is nobody we know.
inbound('+19195550007', 'Y!');
inbound('+19195550008', 'Stop.');
inbound('+19195550009', 'where do I vote?');
inbound('+13125550199', 'who is this');
wait_for($node, "SELECT count(*) FROM p2ptext.inbound WHERE kind = 'text' AND applied_at IS NOT NULL",
	4, 'four texts came in');
is( value($node, "SELECT phone, value, how FROM p2ptext.question_response r
				  JOIN p2ptext.conversation c ON c.id = r.conversation_id"),
	'+19195550007|yes|auto', 'an answer is recorded');
is( value($node, "SELECT phone, body FROM p2ptext.inbox ORDER BY phone"),
	"+19195550007|Y!\n+19195550009|where do I vote?", 'the inbox shows who waits');
is( value($node, "SELECT phone, how, detail FROM p2ptext.opt_out"),
	'+19195550008|keyword|Stop.', 'an opt-out is kept');
is( value($node, "SELECT phone, sender, body FROM p2ptext.unmatched WHERE kind = 'text'"),
	'+13125550199|' . SENDER . '|who is this', 'an unmatched text is kept and visible');

# Replies leave; to the one who said stop none does.
my $conversation = value($node,
	"SELECT conversation_id FROM p2ptext.inbox WHERE phone = '+19195550009'");
value($node, "SELECT p2ptext.reply($conversation, 'At the school, 7 am to 8 pm')");
wait_for($node, "SELECT status FROM p2ptext.message
				 WHERE conversation_id = $conversation AND direction = 'out' AND kind = 'reply'",
	'delivered', 'a reply is delivered');
is((grep { $_->{to} eq '+19195550009' } $gateway->messages)[1]->{body},
	'At the school, 7 am to 8 pm', 'byte for byte');
my ($code, undef, $error) = $node->psql('postgres',
	"SELECT p2ptext.reply(id, 'please stay') FROM p2ptext.conversation WHERE phone = '+19195550008'");
isnt($code, 0, 'no reply to a phone that opted out');
like($error, qr/has opted out/, 'and the error says so');

# Whoever does not sign with our token is not heard.
my $answer = HTTP::Tiny->new->post_form("$public/webhook/tw",
	{ MessageSid => 'SM1', From => '+19195550010', To => SENDER, Body => 'STOP' });
is($answer->{status}, 403, 'an unsigned webhook is refused');
is( value($node, "SELECT count(*) FROM p2ptext.inbound WHERE phone = '+19195550010' AND kind = 'text'"),
	0, 'and nothing of it is stored');
is( value($node, "SELECT rejected FROM p2ptext.stat_worker WHERE kind = 'receiver'"),
	1, 'but it is counted');

is( value($node, "SELECT sent, failed, unknown FROM p2ptext.stat_worker WHERE kind = 'sender'"),
	'1001|0|0', 'the counters of the sender agree');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE outcome = 'error'"), 0, 'no event failed');

$node->stop;
$gateway->stop;
done_testing();
