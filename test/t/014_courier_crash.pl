# A courier that crashes costs the courier and nothing else: the server and its
# sessions live on, the courier is started again, later each time, and the
# worker says why.  And a courier has nothing of the server's to begin with.

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

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $gateway = start_gateway();
my $node = start_cluster('crash',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port");
my $texts = 0;

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
add_campaign($node, 'c', 'tw', voters => 100);

sub postmaster
{
	return (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
}

sub courier_of
{
	my ($kind) = @_;
	my $ask = "SELECT courier_pid FROM p2ptext.stat_worker
		WHERE kind = '$kind' AND courier_pid IS NOT NULL AND state IN ('idle', 'busy')";

	wait_for($node, "SELECT count(*) FROM ($ask) AS t", 1, "there is a courier of the $kind");
	return value($node, $ask);
}

sub works
{
	my ($kind) = @_;

	$texts++;
	courier_of($kind);
	if ($kind eq 'sender')
	{
		value($node, "SELECT p2ptext.approve_batch('c', 1)");
		wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'", $texts, 'it sends');
		return;
	}
	# It may say that it listens before it has been told of all gateways.
	my $status = 503;
	my $give_up = time + PATIENCE_S;
	while ($status != 200 && time < $give_up)
	{
		$status = post($port, webhook($port, '/webhook/tw',
				MessageSid => "SM$texts", From => phone_of(1), To => SENDER, Body => "text $texts"));
		sleep 0.05 if $status != 200;
	}
	is($status, 200, 'it receives');
	is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE dedupe_key = 'SM$texts'"), 1, '... and keeps');
	return;
}

my %signals = (SEGV => 11, ABRT => 6, SYS => 31, BUS => 7);
my $postmaster = postmaster();
my $session = start_session($node);
my $backend = ask($session, 'SELECT pg_backend_pid()');
foreach my $kind (qw(sender receiver))
{
	my $worker = value($node, "SELECT pid FROM p2ptext.stat_worker WHERE kind = '$kind'");
	my $log = -s $node->logfile;
	$texts = 0;
	works($kind);
	foreach my $signal (qw(SEGV ABRT SYS BUS))
	{
		my $courier = courier_of($kind);
		kill $signal, $courier;
		wait_for($node, "SELECT last_error ~ 'courier was ended by signal $signals{$signal}:'
			FROM p2ptext.stat_worker WHERE kind = '$kind'", 't', "$kind: says that it was SIG$signal");
		wait_gone($courier, '... and that courier is gone');
		works($kind);
	}
	my @delays = substr(slurp_file($node->logfile), $log) =~ /It is started again in (\d+) ms/g;
	is(scalar(@delays), 4, "$kind: each courier is started again");
	is($delays[0], 500, '... soon');
	ok($delays[1] == 1000 || $delays[2] == 1000 || $delays[3] == 1000, '... later when it crashes soon')
	  or diag("@delays");
	is(value($node, "SELECT pid FROM p2ptext.stat_worker WHERE kind = '$kind'"), $worker,
		"$kind: the worker is the same");
}
is(postmaster(), $postmaster, 'the postmaster is the same');
is(ask($session, 'SELECT pg_backend_pid()'), $backend, 'so is the session that was there');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|crash of another/, 'the server saw no crash');

# What is left of the sandbox after the start, by the kernel's word.  Nobody
# but root may look further into it, if its build is not for a sanitizer.
foreach my $kind (qw(sender receiver))
{
	my $pid = courier_of($kind);
	my $status = read_file("/proc/$pid/status");
  SKIP:
	{
		skip 'no /proc here', 3 if $status eq '';
		skip 'no seccomp beside sanitizers', 3 if read_file(courier_path()) =~ /__asan_init/;
		like($status, qr/^NoNewPrivs:\s+1$/m, "$kind: its courier can gain no privileges");
		like($status, qr/^Seccomp:\s+2$/m, '... and is behind a filter');
		skip 'root may look', 1 if $> == 0;
		is(read_file("/proc/$pid/maps"), '', '... and hides its memory from its own user');
	}
}

# So a program in its place tells what it was given, and goes on as the courier.
# exec() leaves nothing of what was mapped before; the rest stays.
my $tell = PostgreSQL::Test::Utils::tempdir() . '/given.';
my $true = courier_path() . '.true';
$node->stop;
replace_courier(<<"PROGRAM");
#!$^X
BEGIN { \$^F = 255 }
open(my \$out, '>', "$tell\$ARGV[0].new");
foreach my \$fd (0 .. 255)
{
	my \$to = readlink "/proc/self/fd/\$fd" // next;
	print \$out "fd \$fd \$to\\n" if \$fd != fileno \$out;
}
foreach my \$file (qw(maps environ status))
{
	open(my \$in, '<', "/proc/self/\$file");
	print \$out map { "\$file \$_\\n" } split /[\\n\\0]/, join '', <\$in>;
	close \$in;
}
close \$out;
rename "$tell\$ARGV[0].new", "$tell\$ARGV[0]";
exec { '$true' } 'p2ptext-courier', \@ARGV;
PROGRAM
$node->start;
foreach my $kind (qw(sender receiver))
{
	courier_of($kind);
	my $given = read_file($tell . ($kind eq 'sender' ? 'send' : 'listen'));
	my $data = $node->data_dir;

  SKIP:
	{
		skip 'no /proc here', 6 if $given !~ /^maps /m;
		my @shared = $given =~ /^maps \S+ ..?.?s .*$/mg;
		is_deeply(\@shared, [], "$kind: its courier shares no memory");
		unlike($given, qr{^maps .*(?:/dev/zero|SYSV|/dev/shm|PostgreSQL\.|anon_hugepage)}m, '... by any name');
		unlike($given, qr/\Q$data\E/, '... has no file of the cluster open or mapped');
		unlike($given, qr/^environ ./m, '... and no environment');
		my @open = $given =~ /^fd (\d+ (?:socket|pipe)?\S*)/mg;
		is(scalar(grep { m{^[01] /dev/null$|^2 |^3 socket:} } @open), 4, '... but /dev/null, the log and a socket');
		is(scalar(grep { !m{^[0-3] } && !m{/given\.|/p2ptext-courier$|^\d+ /proc/} } @open), 0, '... nothing is open')
		  or diag("@open");
	}
}
works('receiver');
$node->stop;
restore_courier();
$gateway->stop;
done_testing();
