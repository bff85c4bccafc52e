# hostile.pm
#	A courier that means harm: stands in the place of p2ptext-courier, says
#	hello as that would, and then does to its worker what a case of
#	hostile_cases.pm says.
#
#	Which case is named by the gateway that the worker tells of first.  For
#	the gateway "good" it steps back, and the true courier goes on.  Each case
#	acts once; started again, it only listens.
package hostile;

use strict;
use warnings;

# The descriptor is to outlive exec().
BEGIN { $^F = 255 }
use POSIX ();
use Socket qw(MSG_PEEK);

our $socket;
my ($case, $kind, $said, $in) = ('', '', '', '');

sub version
{
	my ($header) = @_;

	open(my $file, '<', $header) or die "$header: $!";
	local $/;
	return <$file> =~ /^#define WIRE_VERSION (\d+)$/m ? $1 : die 'no version';
}

sub str { return pack('L/a*', $_[0]) }

sub raw
{
	my ($data) = @_;

	while (length $data)
	{
		my $n = syswrite($socket, $data) // return 0;
		substr($data, 0, $n, '');
	}
	return 1;
}

sub packed { return pack('L', 1 + length $_[1]) . $_[0] . $_[1] }

sub frame { return raw(packed(@_)) }

# The fields of the next frame of this type.
sub next_of
{
	my ($type) = @_;

	for (;;)
	{
		my $len = length $in >= 4 ? unpack('L', $in) : undef;
		if (defined $len && length $in >= 4 + $len)
		{
			my ($is, $fields) = unpack('x4 a1 a' . ($len - 1), $in);
			substr($in, 0, 4 + $len, '');
			return $fields if $is eq $type;
			next;
		}
		sysread($socket, $in, 65536, length $in) or POSIX::_exit(0);
	}
}

# The id of the next text that is given to us, or asked for.
sub next_text { return unpack('Q', next_of($_[0] // 'S')) }

# The answer to each of so many webhooks, in order of their numbers.
sub answers
{
	my ($n) = @_;
	my %status = map { unpack('Q L', next_of('A')) } 1 .. $n;

	return join ' ', map { $status{$_} } sort { $a <=> $b } keys %status;
}

sub result
{
	my (%r) = @_;

	return packed('R', pack('QL', $r{id}, $r{outcome} // 1)
		  . str($r{provider_id} // "SM$r{id}") . str($r{code} // '') . str($r{text} // '')
		  . pack('LLL', $r{scope} // 0, $r{retry_after_ms} // 0, $r{segments} // 1));
}

sub event
{
	my (%e) = @_;
	my %all = (kind => 1, key => 'k', provider_id => 'k', ref => '', from => '+19195550001',
		to => '+12025550100', body => 'x', status => '', code => '', detail => '', media => '[]', %e);

	return pack('L', $all{kind})
	  . join '', map { str($all{$_}) } qw(key provider_id ref from to body status code detail media);
}

sub webhook
{
	my (%w) = @_;
	my @signatures = @{ $w{signatures} // [] };
	my @signed = @{ $w{signed} // [] };
	my @events = @{ $w{events} // [ event() ] };

	return packed('W', pack('QLL', $w{request} // 1, $w{gateway}, $w{proof} // 0)
		  . pack('L', scalar @signatures) . join('', map { str($_) } @signatures)
		  . pack('L', scalar @signed) . join('', map { str($_) } @signed)
		  . str($w{headers} // '{}') . str($w{raw} // '')
		  . pack('L', $w{n} // scalar @events) . join('', @events) . ($w{more} // ''));
}

# A line that the test can read.
sub note
{
	my ($text) = @_;

	open(my $out, '>>', $said) or die "$said: $!";
	syswrite($out, "$case $kind $text\n");
	return;
}

sub begun
{
	open(my $file, '<', $said) or return 0;
	return scalar grep { $_ eq "$case $kind begun\n" } <$file>;
}

# The name of the gateway that the worker tells of first, left to be read.
sub first_name
{
	for (;;)
	{
		my $data;

		defined recv($socket, $data, 4096, MSG_PEEK) && length $data or POSIX::_exit(0);
		return unpack('x4 a1', $data) eq 'G' ? unpack('x9 L/a', $data) : ''
		  if length $data > 4 && length $data >= 4 + unpack('L', $data);
		select(undef, undef, undef, 0.01);
	}
}

# To be called by the program that stands in the courier's place.
sub act
{
	my (%o) = @_;

	$kind = $ARGV[0];
	$said = $o{said};
	open($socket, '+<&=', 3) or die "descriptor 3: $!";
	$SIG{PIPE} = 'IGNORE';
	$SIG{$_} = 'IGNORE' foreach qw(TERM INT HUP);
	frame('H', pack('L', $o{version}));
	$case = first_name();
	exec { $o{true} } 'p2ptext-courier', @ARGV if $case eq 'good';
	my $n = begun();
	my $do = $case =~ /^case(\d+)$/ ? $o{cases}{$kind}[$1] : undef;
	if ($do && $n < ($do->{times} // 1))
	{
		note('begun');
		$do->{do}->($n);
	}
	next_of('never');
	return;
}

1;
