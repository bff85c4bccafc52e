# Too little of everything: file descriptors of the server and of the courier,
# room for WAL, and a clock that jumps.  It may take longer then, but nothing
# is lost and nobody gets a text twice.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

my $gateway = start_gateway(delay_ms => 50);
my $node = start_cluster('scarce', 'p2ptext.max_in_flight' => 1000);
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";
my $first = 0;

# Start with what "sh" sets up first; it is what a service manager would do.
sub start_by
{
	my ($setup) = @_;
	system_or_bail('sh', '-c', "$setup; exec pg_ctl -w -s -D \"\$1\" -l \"\$2\" start", 'sh',
		$node->data_dir, $node->logfile);
	$node->_update_pid(1);
	return;
}

sub begin
{
	my ($name, $voters) = @_;
	add_campaign($node, $name, 'tw', first => $first, voters => $voters);
	$first += $voters;
	approve_all($node, $name);
	return;
}

# Each voter of the campaign has the text once, or it is known why not.
sub all_true
{
	my ($name, $voters, $unknown) = @_;
	my @records = grep { $_->{body} =~ /from $name,/ } records($gateway);
	my %there = map { $_->{to} => 1 } @records;
	my %ours = map { split /\|/ } split /\n/, value($node, <<SQL);
SELECT m.phone, m.status FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id WHERE c.name = '$name'
UNION ALL
SELECT o.phone, o.status FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = '$name'
SQL
	my @sent = grep { $ours{$_} eq 'sent' } keys %ours;

	is(scalar(keys %ours), $voters, "$name: every text is accounted for");
	is_deeply(twice(@records), [], '... nobody got two');
	is(scalar(grep { !$there{$_} } @sent), 0, '... what is recorded as sent was accepted');
	is(scalar(grep { !$ours{$_} || $ours{$_} !~ /^(sent|unknown)$/ } keys %there), 0,
		'... what was accepted is recorded as sent, or unknown');
	cmp_ok($voters - @sent, '<=', $unknown, '... and ' . ($voters - @sent) . ' are unknown');
	return;
}

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);

$node->append_conf('postgresql.conf', 'max_files_per_process = 64');
$node->restart;
begin('files', 3000);
wait_for($node, $open, 0, 'a server with few files sends all');
all_true('files', 3000, 0);

# Far fewer sockets than requests that it should have under way.
$node->stop;
start_by('ulimit -n 100');
begin('sockets', 1000);
wait_for($node, $open, 0, 'so does a courier with few sockets');
all_true('sockets', 1000, 0);
$node->append_conf('postgresql.conf', 'max_files_per_process = 1000');
$node->restart;

# A full disk stops the server.  What it could not record is unknown.
SKIP:
{
	my $disk = $ENV{TORTURE_DISK};
	skip 'a full disk: only in make torture, by root', 9 unless defined $disk;

	$node->append_conf('postgresql.conf', "min_wal_size = 32MB\nmax_wal_size = 32MB");
	$node->restart;
	value($node, 'CHECKPOINT');
	$node->stop;
	my $wal = $node->data_dir . '/pg_wal';
	system_or_bail('sh', '-c', 'cp -a "$1/." "$2/" && rm -r "$1" && ln -s "$2" "$1"', 'sh', $wal, $disk);
	$node->start;
	begin('disk', 9000);
	wait_for($node, "SELECT count(*) > 300 FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id
		WHERE c.name = 'disk'", 't', 'texts leave');
	system('sh', '-c', 'dd if=/dev/zero of="$1/filler" bs=64k 2>/dev/null', 'sh', $disk);
	my $give_up = time + 30;
	sleep 0.1 while $node->psql('postgres', 'SELECT pg_switch_wal(); SELECT 1') == 0 && time < $give_up;
	cmp_ok(time, '<', $give_up, 'until there is no room for WAL');
	sleep 2;
	unlink "$disk/filler" or die "filler: $!";
	like(slurp_file($node->logfile), qr/No space left on device/, '... as the log says');
	# It has given up by now, or does while it recovers: stop() would object.
	system_log('pg_ctl', '-D', $node->data_dir, '-m', 'immediate', 'stop');
	unlink $node->data_dir . '/postmaster.pid';
	$node->{_pid} = undef;
	$node->start;
	wait_for($node, $open, 0, 'with room again, the rest leaves');
	all_true('disk', 9000, 3000);
}

# An hour forwards and back, for the server and its workers.
SKIP:
{
	my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';
	my $clock = $node->basedir . '/clock';
	my $jump = sub { open my $out, '>', $clock or die "clock: $!"; print $out "$_[0]\n"; close $out; };
	skip 'clock jumps: libfaketime is not installed', 8 unless defined $library;

	$node->stop;
	$jump->('+0');
	start_by("export LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1");
	value($node, 'UPDATE p2ptext.sender SET max_per_second = 300');
	my @off;
	begin('clock', 3000);
	foreach my $hours ('+1h', '+0', '-1h', '+0')
	{
		sleep 1;
		$jump->($hours);
		my $off = server_now_ms($node) / 1000 - time;
		push @off, int($off / 3600 + ($off < 0 ? -0.5 : 0.5));
	}
	is("@off", '1 0 -1 0', 'the server believes in a clock that jumps by hours');
	wait_for($node, $open, 0, '... which stops nothing');
	all_true('clock', 3000, 0);
	cmp_ok(most_within(1000, grep { $_->{body} =~ /from clock,/ } records($gateway)), '<=', 300 * promised(1.3, 2),
		'... and a rate holds');
	$node->stop;
	$node->start;
}

$node->stop;
$gateway->stop;
done_testing();
