# Those who mean harm to the listener of a real server get an answer that says
# so, or none; nothing of it is stored, and others are served meanwhile.

use strict;
use warnings;

use lib 'test/t/lib';
use IO::Select;
use IO::Socket::INET;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = start_cluster('abuse',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port",
	secrets => { far => SECRET });

create_extension($node);
add_gateway($node, 'tw', 'http://127.0.0.1:1', [SENDER]);
add_gateway($node, 'far', 'http://127.0.0.1:1', [], set => q(webhook_addresses = '{203.0.113.0/24}'));

sub connect_from
{
	my ($address) = @_;
	return IO::Socket::INET->new(LocalAddr => $address, PeerAddr => '127.0.0.1', PeerPort => $port);
}

# The status of the answer to some bytes; 0: it hung up.
sub status_of
{
	my ($address, $bytes) = @_;
	my $socket = connect_from($address) // return 0;
	my $until = time + PATIENCE_S;
	my $answer = '';

	while (length $bytes)
	{
		my $n = syswrite($socket, $bytes) // last;
		substr($bytes, 0, $n, '');
	}
	while ($answer !~ m{\AHTTP/1\.\d (\d+).*?\r\n\r\n}s && IO::Select->new($socket)->can_read($until - time))
	{
		sysread($socket, $answer, 65536, length $answer) or last;
	}
	return $answer =~ m{\AHTTP/1\.\d (\d+)} ? $1 : 0;
}

my $n = 0;

sub good
{
	my ($path) = @_;
	$n++;
	return webhook($port, $path // '/webhook/tw',
		MessageSid => "SM$n", From => phone_of(1), To => SENDER, Body => "text $n");
}

sub served
{
	my ($address, $what) = @_;
	my $until = time + PATIENCE_S;
	my $bytes = good();
	my $status;

	# It may listen before it has been told of all gateways.
	sleep 0.05 while ($status = status_of($address, $bytes)) != 200 && time < $until;
	is($status, 200, $what);
	return;
}

served('127.0.0.1', 'a good webhook is taken');
my $courier = value($node, "SELECT courier_pid FROM p2ptext.stat_worker WHERE kind = 'receiver'");
my $taken = $n;

my $signed = good();
my ($head, $body) = split /\r\n\r\n/, $signed;
my ($signature) = $head =~ /^(X-Twilio-Signature: .*?)\r/m;
my $unsized = $head =~ s/\r\nContent-Length: \d+//r;
foreach my $case (
	[ 403, 'no signature', $signed =~ s/^X-Twilio-Signature: .*?\r\n//mr ],
	[ 403, 'a wrong signature', $signed =~ s/text/test/r ],
	[ 400, 'a signature twice', "$head\r\n$signature\r\n\r\n$body" ],
	[ 403, 'from where it may not come', good('/webhook/far') ],
	[ 403, '... whatever it says', good('/webhook/far') =~ s/\r\n/\r\nX-Forwarded-For: 203.0.113.1\r\n/r ],
	[ 404, 'for a gateway that is not', good('/webhook/none') ],
	[ 400, 'two lengths', "$head\r\nContent-Length: 3\r\n\r\n$body" ],
	[ 400, 'chunks and a length', "$head\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ],
	[ 400, 'no chunks', "$unsized\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" ],
	[ 413, 'a body without end', "$unsized\r\nTransfer-Encoding: chunked\r\n\r\n"
		. join('', map { "8000\r\n" . 'x' x 0x8000 . "\r\n" } 1 .. 32) . "0\r\n\r\n" ],
	[ 431, 'a header without end', "$head\r\nX: " . 'x' x 1_000_000 . "\r\n\r\n$body" ],
	[ 431, 'very many headers', "$head\r\n" . "x: y\r\n" x 5000 . "\r\n$body" ],
	[ 0, 'a TLS hello', "\x16\x03\x01\x00\xf0\x01\n\x00\n" ])
{
	my ($status, $what, $bytes) = @$case;
	is(status_of('127.0.0.1', $bytes), $status, "$what: $status");
}

my @silent = map { connect_from('127.0.0.3') } 1 .. 250;
is(status_of('127.0.0.3', good()), 0, 'a crowd from one address gets no more room');
served('127.0.0.2', '... others do');
$taken++;
my @crowd = map { connect_from('127.1.' . ($_ >> 8) . '.' . ($_ & 255)) } 1 .. 1000;
served('127.0.0.2', '... even when crowds come from everywhere');
$taken++;
undef @crowd;
undef @silent;
served('127.0.0.3', 'and so does the one, once its crowd has gone');
$taken++;

is(value($node, 'SELECT count(*) FROM p2ptext.inbound'), $taken, 'what was good is stored, and nothing else');
is(value($node, "SELECT courier_pid FROM p2ptext.stat_worker WHERE kind = 'receiver'"), $courier, 'by the same courier');
my $log = slurp_file($node->logfile);
like($log, qr/p2ptext courier: refused a webhook for gateway "far" from 127\.0\.0\.1,/, 'the log says who was refused');
like($log, qr/p2ptext courier: too many connections from 127\.0\.0\.3;/, '... and who had too many connections');
unlike($log, qr/text \d/, '... without what they wrote');
$node->stop;
done_testing();
