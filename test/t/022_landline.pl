# A number that the gateway calls a landline, at once or in a receipt, is not
# texted again: the next campaign's estimate counts it, and its launch drops it.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $gateway = start_gateway(callbacks => 1, callback_delay_ms => 20);
my $node = start_cluster('landline',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port");

make_campaign($node, url => $gateway->url, voters => 6);
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'", 'idle', 'the receiver listens');
my %ends = (21614 => 'failed', 30006 => 'undelivered', 0 => 'delivered');
foreach my $code (21614, 30006, 0)
{
	$gateway->tell('config',
		webhook => "http://127.0.0.1:$port/webhook/tw",
		fail_rate => $code ? 1 : 0,
		fail_code => $code || 30003);
	value($node, "SELECT p2ptext.approve_batch('c', 2)");
	wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = '$ends{$code}'", 2, "texts are $ends{$code}");
}
is( value($node, 'SELECT phone, line_type, detail FROM p2ptext.phone_line ORDER BY 1'),
	join("\n", map { "+1919555000$_|landline|tw " . ($_ < 2 ? 21614 : 30006) } 0 .. 3),
	'the phones are known as landlines');

value($node, "SELECT p2ptext.create_campaign('again', 'all', 'tw', 'Hi again', mode => 'broadcast')");
is( value($node, "SELECT measure, value FROM p2ptext.estimate('again') WHERE topic IN ('dropped', 'texts')"),
	"landline|4\ntexts|2", 'an estimate counts them');
is(value($node, "SELECT * FROM p2ptext.launch('again')"), '2|4', 'a launch drops them');
is( value($node, 'SELECT voter_key, reason, detail FROM p2ptext.dropped ORDER BY 1'),
	join("\n", map { "$_|landline|+1919555000$_" } 0 .. 3), 'and says why');

$node->stop;
$gateway->stop;
done_testing();
