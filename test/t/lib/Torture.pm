# Torture.pm
#	  Sending while everything is killed, and what must be true afterwards.
#
# The gateway delays, drops connections before and after accepting, limits,
# fails, and repeats and shuffles its receipts; voters opt out all the while.
# Then it is well again and asked for what is of unknown fate, and its record
# is held against ours.

package Torture;

use strict;
use warnings;

use Exporter 'import';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sending;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(torture check_truth settle);

# As in 011_stop: from the commit of an opt-out to the last request that may
# begin.
use constant HANDOVER_MS => promised(500, 2500);

my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";
my %faults = (
	delay_ms => promised(20, 200), jitter_ms => 60, rate429 => 0.02, rate5xx => 0.01, rate5xx_after => 0.02,
	drop_before => 0.02, drop_after => 0.02, hang => 0.001);

# A number, or nothing while the server cannot say.
sub try_value
{
	my ($node, $query) = @_;
	my ($code, $out) = try_psql($node, $query);
	return $code == 0 && $out ne '' ? $out : undef;
}

sub kill_one
{
	my ($node, $victim) = @_;
	my $pid;

	if ($victim eq 'postmaster')
	{
		$pid = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
		$node->kill9;
		start_again($node, $pid);
		return;
	}
	my %ask = (
		launcher => "SELECT pid FROM pg_stat_activity WHERE backend_type = 'p2ptext launcher'",
		map { $_->[0] => "SELECT $_->[2] FROM p2ptext.stat_worker WHERE kind = '$_->[1]' AND $_->[2] IS NOT NULL
						  ORDER BY random() LIMIT 1" }
		  ([ courier => 'sender', 'courier_pid' ], [ listener => 'receiver', 'courier_pid' ],
			[ sender => 'sender', 'pid' ], [ receiver => 'receiver', 'pid' ]));
	$pid = try_value($node, $ask{$victim});
	kill 'KILL', $pid if $pid;
	wait_gone($pid, "kill -9 of a $victim") if $pid;
	return;
}

# Some voters opt out; when that had committed, for each.
sub some_opt_out
{
	my ($node, $stopped) = @_;
	my ($code, $out) = try_psql($node, <<'SQL');
SELECT phone FROM (
	SELECT phone, p2ptext.opt_out(phone) FROM p2ptext.outbox
	WHERE status IN ('approved', 'sending') ORDER BY random() LIMIT 3) AS o
SQL
	my $now = time * 1000;

	return if $code != 0;
	$stopped->{$_} //= $now foreach grep { /^\+/ } split /\n/, $out;
	return;
}

# The gateway is well; wait until each text is as it will stay.
sub settle
{
	my ($node, $gateway, $seconds) = @_;

	$gateway->tell('config', map { $_ => 0 } keys %faults);
	wait_for($node, $open, 0, 'every text comes to an end', $seconds)
	  or diag(value($node, "SELECT status, reason, count(*), min(not_before) FROM p2ptext.outbox GROUP BY 1, 2"),
		value($node, 'TABLE p2ptext.stat_worker'));
	wait_until('every receipt is delivered', sub { $gateway->stats->{callbacks}{pending} == 0 }, $seconds);
	wait_for($node, "SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL", 0, 'and applied', $seconds);
	note(value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown'") . ' are of unknown fate');
	# Its answers take a while, as it has to search all of its record.
	reload_with($node, 'p2ptext.request_timeout', '60s');
	value($node, "SELECT p2ptext.reconcile('c')");
	wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown' AND reason <> 'not_found'", 0,
		'the gateway is asked for those', $seconds);
	return;
}

# Hold our record against the gateway's.  Each voter is in one row.
sub check_truth
{
	my ($node, $gateway, $sends, $stopped) = @_;
	my @records = records($gateway);
	my %there = map { $_->{to} => $_ } @records;
	my %refs = map { $_->{ref} => 1 } @records;
	my %ours = map { my ($phone, @row) = split /\|/; ($phone => \@row) } split /\n/, value($node, <<'SQL');
SELECT phone, status, provider_id, ref FROM p2ptext.message WHERE direction = 'out'
UNION ALL
SELECT phone, status, reason, ref FROM p2ptext.outbox
SQL

	is(scalar(@records), scalar(keys %there), 'nobody was accepted twice');
	is(scalar(keys %refs), scalar(@records), 'nor any reference');
	is(value($node, "SELECT (SELECT count(*) FROM p2ptext.message WHERE direction = 'out')
		+ (SELECT count(*) FROM p2ptext.outbox)"), $sends, 'every text is accounted for');
	is(scalar(keys %ours), $sends, '... once');

	my @false;
	foreach my $phone (sort keys %ours)
	{
		my ($status, $detail, $ref) = @{ $ours{$phone} };
		my $record = $there{$phone};
		my $true =
		    $status =~ /^(sent|delivered)$/ ? $record && $record->{sid} eq $detail && $record->{ref} eq $ref
		  : $status eq 'unknown' ? !$record && $detail eq 'not_found'
		  : $status eq 'suppressed' ? !$record && $detail eq 'opted_out'
		  : 0;
		push @false, join ' ', $phone, @{ $ours{$phone} }, $record ? ($record->{sid}, $record->{answer}) : () if !$true;
	}
	is_deeply(\@false, [], 'what is recorded of each text is true');
	is(scalar(grep { !$ours{ $_->{to} } } @records), 0, 'nothing is there that we do not know of');

	my @late = map { sprintf '%s by %d ms', $_, $there{$_}{wall_ms} - $stopped->{$_} }
	  grep { $there{$_} && $there{$_}{wall_ms} > $stopped->{$_} + HANDOVER_MS } sort keys %$stopped;
	is_deeply(\@late, [], 'no text begins later than ' . HANDOVER_MS . ' ms after an opt-out');
	return;
}

# Send to o{sends} voters while o{kills} processes are killed, as o{seed} says.
sub torture
{
	my (%o) = @_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $gateway = start_gateway(%faults, seed => $o{seed}, callbacks => 1, callback_delay_ms => 1000,
		repeat_callbacks => 1, shuffle => 1);
	my $node = start_cluster("torture$o{seed}",
		'p2ptext.port' => $port,
		'p2ptext.public_url' => "http://127.0.0.1:$port",
		'p2ptext.senders' => 2,
		'p2ptext.batch_size' => 100,
		'p2ptext.request_timeout' => '3s',
		'max_wal_size' => '4GB');
	my @victims = qw(courier sender postmaster courier listener launcher sender receiver);
	my %stopped;

	srand($o{seed});
	create_extension($node);
	add_gateway($node, 'tw', $gateway->url, [ SENDER, '+12025550101' ]);
	add_campaign($node, 'c', 'tw', voters => $o{sends});
	approve_all($node, 'c');
	foreach my $n (1 .. $o{kills})
	{
		# What is left to be sent is spread over the kills that are left.
		my $left = try_value($node, $open) // $o{sends};
		my $wanted = $left - int($left / ($o{kills} - $n + 3) * (0.5 + rand));
		my $give_up = time + 60;

		do { some_opt_out($node, \%stopped) }
		  until (try_value($node, $open) // $o{sends}) <= $wanted || time > $give_up;
		kill_one($node, $victims[ $n <= $#victims ? $n - 1 : rand @victims ]);
	}
	cmp_ok(try_value($node, $open) // $o{sends}, '>', 0, 'all of that happened while texts were leaving');
	some_opt_out($node, \%stopped) for 1 .. 10;
	note(scalar(keys %stopped) . ' opted out');
	cmp_ok(scalar(keys %stopped), '>', 10, 'and some opted out meanwhile');
	settle($node, $gateway, PATIENCE_S + $o{sends} / 100);
	check_truth($node, $gateway, $o{sends}, \%stopped);
	$node->stop;
	$gateway->stop;
	return;
}

1;
