# Our numbers as a pool: local presence, and a number that goes out of service
# while texts from it are on their way.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $gateway = start_gateway(delay_ms => 300);
my $node = start_cluster('pool',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port",
	'p2ptext.max_in_flight' => 20,
	secrets => { pool => SECRET });
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";

create_extension($node);

# Numbers: each voter gets one with their area code, where there is one.
my %local = (919 => '+19195550150', 252 => '+12525550150');
my @pool = (values %local, '+12025550151');
add_gateway($node, 'pool', $gateway->url, \@pool);
add_campaign($node, 'near', 'pool', first => 9500, voters => 1000);
add_campaign($node, 'far', 'pool', first => 30000, voters => 300);
is( value($node, "SELECT DISTINCT substr(phone, 3, 3), sender FROM p2ptext.conversation
				  WHERE campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'near') ORDER BY 1"),
	"252|$local{252}\n919|$local{919}", 'voters get a number with their area code');
is( value($node, "SELECT count(DISTINCT sender), min(n) > 60 FROM (
					SELECT sender, count(*) AS n FROM p2ptext.conversation
					WHERE campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'far') GROUP BY 1) AS s"),
	'3|t', 'others are spread evenly');

# One of them goes out of service while texts from it are on their way.
approve_all($node, 'near', 'far');
wait_for($node, "SELECT count(*) > 40 FROM p2ptext.message WHERE sender = '$local{919}'", 't', 'some have left');
value($node, "UPDATE p2ptext.sender SET enabled = false WHERE number = '$local{919}'");
my $disabled = server_now_ms($node);
is(value($node, "SELECT count(*) FROM p2ptext.conversation WHERE sender = '$local{919}'"), 0,
	'its conversations move to others');
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE sender = '$local{919}'", 0, 'what was to leave from it is given back');
my $after = int(last_ms(accepted_of($gateway, $local{919})) - $disabled);
cmp_ok($after, '<', promised(1000, 4000), "the last text from it begins after $after ms");
reload_with($node, 'p2ptext.max_in_flight', 200);
wait_for($node, $open, 0, 'its texts leave from others')
  or diag(value($node, "SELECT sender, status, count(*) FROM p2ptext.outbox GROUP BY 1, 2"));
is(int(last_ms(accepted_of($gateway, $local{919})) - $disabled), $after, '... and no other does later');
is_deeply(twice(records($gateway)), [], 'no phone got two texts');

# Whoever was texted from it writes to it, and is answered from another.
my $voter = value($node, "SELECT min(phone) FROM p2ptext.message WHERE sender = '$local{919}'");
$gateway->tell('inbound', url => "http://127.0.0.1:$port/webhook/pool", from => $voter, to => $local{919},
	body => 'Who is it?');
my $talk = "SELECT conversation_id FROM p2ptext.inbox WHERE phone = '$voter' AND campaign = 'near'";
wait_for($node, "SELECT count(*) FROM ($talk) AS t", 1, 'a text to the old number finds its conversation');
my $conversation = value($node, $talk);
value($node, "SELECT p2ptext.reply($conversation, 'It is us')");
wait_for($node, "SELECT sender <> '$local{919}' FROM p2ptext.message WHERE body = 'It is us'", 't',
	'the answer leaves from another');
is((grep { $_->{body} eq 'It is us' } $gateway->messages)[0]{to}, $voter, '... to the voter');

$node->stop;
$gateway->stop;
done_testing();
