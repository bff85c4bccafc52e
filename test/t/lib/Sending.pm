# Sending.pm
#	  What tests of sending share beyond P2pText: more than one gateway and
#	  campaign in a database, and questions to a gateway's record.

package Sending;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use P2pText;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  create_extension add_gateway add_campaign approve_all phone_of stat_sum
  most_within records accepted_of twice last_ms server_now_ms reload_with
);

# 10,000 numbers of exchange 555 in each, which no voter has.
my @areas = qw(919 252 704 828 910 980 336 312 213 602);

sub phone_of
{
	my ($n) = @_;
	return sprintf('+1%s555%04d', $areas[ $n / 10000 ], $n % 10000);
}

sub create_extension
{
	my ($node) = @_;
	value($node, 'CREATE EXTENSION IF NOT EXISTS p2ptext');
	value($node, <<SQL);
CREATE FUNCTION phone_of(n int) RETURNS text IMMUTABLE LANGUAGE sql
RETURN '+1' || ('{@{[join ',', @areas]}}'::text[])[1 + n / 10000] || '555' || lpad((n % 10000)::text, 4, '0')
SQL
	return;
}

# A gateway that speaks as Twilio does, with our numbers there; o{set} sets
# columns of its row.
sub add_gateway
{
	my ($node, $name, $url, $senders, %o) = @_;
	my $list = join ',', @$senders;

	value($node, "SELECT p2ptext.add_gateway('$name', 'twilio', account => '@{[ACCOUNT]}',
		senders => '{$list}', base_url => '$url')");
	value($node, "UPDATE p2ptext.gateway SET $o{set} WHERE name = '$name'") if $o{set};
	return;
}

# A broadcast campaign with drafts for voters first ... first + voters - 1, of
# a table of its own; "options" are more arguments of create_campaign() and
# "set" sets columns of its row.  Texts say whose they are.
sub add_campaign
{
	my ($node, $name, $gateway, %o) = @_;
	my $first = $o{first} // 0;
	my $last = $first + $o{voters} - 1;
	my $script = $o{script} // "Hi from $name, voter {{id}}";
	my $options = $o{options} ? ", $o{options}" : '';
	my $predicate = $o{predicate} // 'true';

	value($node, <<SQL);
CREATE TABLE voters_$name AS
SELECT n AS id, phone_of(n) AS cell, false AS voted FROM generate_series($first, $last) n;
ALTER TABLE voters_$name ADD PRIMARY KEY (id);
ANALYZE voters_$name;
SELECT p2ptext.add_source('voters_$name', 'voters_$name', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('voters_$name', 'voters_$name', \$\$$predicate\$\$, allow_volatile => true);
SELECT p2ptext.create_campaign('$name', 'voters_$name', '$gateway', '$script',
	mode => 'broadcast', hours_start => '00:00', hours_end => '24:00'$options);
SQL
	value($node, "UPDATE p2ptext.campaign SET $o{set} WHERE name = '$name'") if $o{set};
	value($node, "SELECT p2ptext.launch('$name')");
	return;
}

sub approve_all
{
	my ($node, @campaigns) = @_;
	return value($node, join ';', map { "SELECT p2ptext.approve_batch('$_', 1000000)" } @campaigns);
}

# One column of stat_worker over all senders.
sub stat_sum
{
	my ($node, $column) = @_;
	return value($node, "SELECT sum($column) FROM p2ptext.stat_worker WHERE kind = 'sender'");
}

# Change a setting of the server, or with undef nothing is left of it.
sub reload_with
{
	my ($node, $name, $value) = @_;
	value($node, defined $value ? "ALTER SYSTEM SET $name = '$value'" : "ALTER SYSTEM RESET $name");
	value($node, 'SELECT pg_reload_conf()');
	return;
}

# The time as the gateway's record writes it: both read the same clock.
sub server_now_ms
{
	my ($node) = @_;
	return value($node, 'SELECT extract(epoch FROM clock_timestamp()) * 1000');
}

# The most SMS segments among these records within any so many milliseconds.
sub most_within
{
	my ($ms, @records) = @_;
	my ($most, $sum, $first) = (0, 0, 0);

	foreach my $r (@records)
	{
		$sum += $r->{segments};
		$sum -= $records[ $first++ ]->{segments}
		  while $records[$first]->{mono_ms} <= $r->{mono_ms} - $ms;
		$most = $sum if $sum > $most;
	}
	return $most;
}

# The gateway's record, oldest first, as far as tests of many texts want it:
# a real parser would take longer than sending does.
sub records
{
	my ($gateway) = @_;
	my $answer = HTTP::Tiny->new(timeout => 30)->get($gateway->url . '/control/messages');
	my @records;

	die "gateway: $answer->{status} $answer->{content}" unless $answer->{success};
	foreach my $line (split /\n/, $answer->{content})
	{
		my %r = $line =~ /"(\w+)":("(?:[^"\\]|\\.)*"|[\d.]+)/g;
		tr/"//d foreach values %r;
		push @records, \%r if %r;
	}
	return @records;
}

# Those from some of our numbers.
sub accepted_of
{
	my ($gateway, @senders) = @_;
	my %wanted = map { $_ => 1 } @senders;
	return grep { $wanted{ $_->{from} } } records($gateway);
}

# Who got the same words more than once.
sub twice
{
	my %times;
	$times{"$_->{to} $_->{body}"}++ foreach @_;
	return [ grep { $times{$_} > 1 } sort keys %times ];
}

# When the last of these was accepted, as server_now_ms() would say.
sub last_ms
{
	my $last = 0;
	foreach my $r (@_)
	{
		$last = $r->{wall_ms} if $r->{wall_ms} > $last;
	}
	return $last;
}

1;
