# CourierTest.pm
#	The worker's part, for tests of the courier: starts one on a socketpair
#	and speaks the frames of src/courier/wire.h with it.
#
#	P2PTEXT_COURIER names the executable; else it is the one just built.
package CourierTest;

use strict;
use warnings;
use Exporter qw(import);
use FindBin;
use IO::Select;
use IO::Socket::INET;
use POSIX qw(dup2 setsid :sys_wait_h);
use Socket;
use Time::HiRes qw(time sleep);

our @EXPORT = qw(free_port http_request PATIENCE_S);
our @EXPORT_OK = qw(connect_from request status until_status);

# So long may take on a busy machine what comes in a moment on others.
use constant PATIENCE_S => 60;

# Outcomes, as in wire.h.
our %OUTCOME = (
	SENT => 1,
	FAILED => 2,
	OPTED_OUT => 3,
	RETRY => 4,
	DEFERRED => 5,
	UNKNOWN => 6);
our %OUTCOME_NAME = reverse %OUTCOME;

$SIG{PIPE} = 'IGNORE';

# The version of the frames, as in wire.h.
sub version
{
	open(my $header, '<', "$FindBin::Bin/../../src/courier/wire.h") or die "wire.h: $!";
	return (map { /^#define WIRE_VERSION (\d+)/ } <$header>)[0];
}

sub program
{
	return $ENV{P2PTEXT_COURIER} // "$FindBin::Bin/../../p2ptext-courier";
}

sub start
{
	my ($class, @args) = @_;
	return $class->start_command(program(), @args);
}

# The command is to become the courier, in the process that it was begun in.
sub start_command
{
	my ($class, @command) = @_;
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
	  or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		# As the worker does it: /dev/null, the log, the socket, no more.
		local $^F = 255;
		%ENV = ();
		my $fd = fileno($theirs);
		open(my $null, '+<', '/dev/null');
		dup2(fileno($null), $_) for 0, 1;
		dup2($fd, 3) if $fd != 3;
		fcntl($theirs, 2, 0) if $fd == 3;    # F_SETFD: stay open in exec
		POSIX::close($_) for 4 .. 255;
		setsid();
		exec(@command) or POSIX::_exit(127);
	}
	close($theirs);
	return
	  bless { socket => $ours, pid => $pid, in => '', frames => [] }, $class;
}

sub str { return pack('L/a*', $_[0]) }

sub frame
{
	my ($self, $type, $fields) = @_;
	my $data = pack('L', 1 + length $fields) . $type . $fields;
	while (length $data)
	{
		my $n = syswrite($self->{socket}, $data);
		return 0 if !defined $n;
		substr($data, 0, $n, '');
	}
	return 1;
}

sub gateway
{
	my ($self, %arg) = @_;
	return $self->frame(
		'G',
		pack('L', $arg{id} // 1)
		  . join('',
			map { str($_ // '') } $arg{name} // 'demo', $arg{provider} // 'twilio',
			$arg{base_url}, $arg{account} // 'AC1', $arg{secret} // 'token',
			$arg{webhook_secret}, $arg{settings} // '{}', $arg{public_url},
			$arg{ca_file}, $arg{webhook_addresses})
		  . pack('LLL', $arg{plain_http} // 0, $arg{max_in_flight} // 64, $arg{timeout_ms} // 5000));
}

sub send_text
{
	my ($self, %arg) = @_;
	my @media = @{ $arg{media} // [] };
	return $self->frame(
		$arg{find} ? 'F' : 'S',
		pack('QL', $arg{id}, $arg{gateway} // 1)
		  . join('',
			map { str($_) } $arg{ref} // "$arg{id}-abc",
			$arg{from} // '+12025550100', $arg{to} // '+14155552345',
			$arg{body} // 'ok')
		  . pack('L', scalar @media)
		  . join('', map { str($_) } @media)
		  . pack('LQ', $arg{validity_s} // 0, $arg{claimed_at} // time));
}

sub recall { return $_[0]->frame('C', pack('Q', $_[1])) }

sub ack { return $_[0]->frame('A', pack('QL', $_[1], $_[2])) }
sub page { return $_[0]->frame('P', pack('Q', $_[1]) . str($_[2])) }
sub serve { return $_[0]->frame('O', '') }
sub quit { return $_[0]->frame('Q', '') }

sub unpack_result
{
	my %r;
	@r{qw(id outcome provider_id code text scope retry_after_ms segments)} =
	  unpack('Q L L/a L/a L/a L L L', $_[0]);
	$r{outcome} = $OUTCOME_NAME{ $r{outcome} };
	return \%r;
}

sub unpack_found
{
	my ($id, $asked, $n, $rest) = unpack('Q L L a*', $_[0]);
	my @ids = unpack('L/a ' x $n, $rest);
	return { id => $id, asked => $asked, provider_ids => \@ids };
}

sub unpack_webhook
{
	my %w;
	my ($request, $gateway, $proof, $n, $rest) = unpack('Q L L L a*', $_[0]);
	my @signatures;
	my @signed;
	for (1 .. $n)
	{
		(my $one, $rest) = unpack('L/a a*', $rest);
		push @signatures, $one;
	}
	($n, $rest) = unpack('L a*', $rest);
	for (1 .. $n)
	{
		(my $one, $rest) = unpack('L/a a*', $rest);
		push @signed, $one;
	}
	(my $headers, my $raw, $n, $rest) = unpack('L/a L/a L a*', $rest);
	my @events;
	for (1 .. $n)
	{
		my %e;
		(   @e{
				qw(kind dedupe_key provider_id ref from to body status code
				  detail media)
			},
			$rest) = unpack('L' . ' L/a' x 10 . ' a*', $rest);
		push @events, \%e;
	}
	die "webhook frame has " . length($rest) . " bytes too many"
	  if length $rest;
	return {
		request => $request,
		gateway => $gateway,
		proof => $proof,
		signature => $signatures[0] // '',
		signatures => \@signatures,
		signed => \@signed,
		headers => $headers,
		raw => $raw,
		events => \@events
	};
}

# The next frame as [type, what is in it]; undef at the end or after a while.
sub next_frame
{
	my ($self, $seconds) = @_;
	my $deadline = time + ($seconds // PATIENCE_S);
	while (1)
	{
		my $len = length $self->{in} >= 4 ? unpack('L', $self->{in}) : undef;
		if (defined $len && length($self->{in}) >= 4 + $len)
		{
			my $type = substr($self->{in}, 4, 1);
			my $fields = substr($self->{in}, 5, $len - 1);
			substr($self->{in}, 0, 4 + $len, '');
			return [
				$type,
				$type eq 'R' ? unpack_result($fields)
				: $type eq 'D' ? unpack_found($fields)
				: $type eq 'W' ? unpack_webhook($fields)
				: $type eq 'L' ? [ unpack('L L/a', $fields) ]
				: $type eq 'M' ? unpack('Q', $fields)
				: unpack('L', $fields)
			];
		}
		my $left = $deadline - time;
		return undef
		  if $left <= 0 || !IO::Select->new($self->{socket})->can_read($left);
		my $n = sysread($self->{socket}, $self->{in}, 65536, length $self->{in});
		$self->{eof} = 1 if !$n;
		return undef if !$n;
	}
}

# The next frame of this type; log frames met on the way are kept.
sub next_of
{
	my ($self, $type, $seconds) = @_;
	while (my $frame = $self->next_frame($seconds))
	{
		return $frame->[1] if $frame->[0] eq $type;
		push @{ $self->{logs} }, $frame->[1] if $frame->[0] eq 'L';
	}
	return undef;
}

# Exit status once the courier has ended, as in $?; undef if it does not.
sub wait_exit
{
	my ($self, $seconds) = @_;
	my $deadline = time + ($seconds // PATIENCE_S);
	while (time < $deadline)
	{
		if (waitpid($self->{pid}, WNOHANG) == $self->{pid})
		{
			delete $self->{pid};
			return $?;
		}
		sleep(0.005);
	}
	return undef;
}

# A line of what the kernel tells of the process.
sub kernel_status
{
	my ($self, $name) = @_;
	open(my $in, '<', "/proc/$self->{pid}/status") or return undef;
	my ($line) = grep { /^$name:/ } <$in>;
	return ($line // '') =~ /:\s*(\S+)/ ? $1 : undef;
}

# Was it built with a sanitizer, with which seccomp does not go together?
sub sanitized
{
	open(my $in, '<:raw', program()) or return 0;
	local $/;
	return <$in> =~ /__asan_init/ ? 1 : 0;
}

sub hang_up
{
	my ($self) = @_;
	close($self->{socket});
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);
	return if !$self->{pid};
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	return;
}

# Out of the range from which clients get theirs, so that it stays free.
sub free_port
{
	for (1 .. 1000)
	{
		my $port = 12_000 + int rand 20_000;
		return $port
		  if IO::Socket::INET->new(
			Listen => 1,
			LocalAddr => '127.0.0.1',
			LocalPort => $port);
	}
	die "no free port: $!";
}

# A connection from one of this machine's own addresses.
sub connect_from
{
	my ($address, $port) = @_;
	return IO::Socket::INET->new(
		LocalAddr => $address,
		PeerAddr => '127.0.0.1',
		PeerPort => $port);
}

sub request
{
	my ($method, $path, $body, @headers) = @_;
	$body //= '';
	return join("\r\n",
		"$method $path HTTP/1.1", 'Host: x', @headers,
		'Content-Length: ' . length $body, '', $body);
}

sub status { return ($_[0] // '') =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none' }

# Send raw bytes to a port, and read until the answer is whole.
sub http_request
{
	my ($port, $request, $seconds) = @_;
	my $socket = ref $port
	  ? $port
	  : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
	  // return undef;
	my $deadline = time + ($seconds // PATIENCE_S);
	my $answer = '';
	while (length $request)
	{
		my $n = syswrite($socket, $request) // last;
		substr($request, 0, $n, '');
	}
	while ((my $left = $deadline - time) > 0)
	{
		last if !IO::Select->new($socket)->can_read($left);
		last if !sysread($socket, $answer, 65536, length $answer);
		next if $answer !~ /\A(.*?\r\n)\r\n(.*)\z/s;
		my ($head, $body) = ($1, $2);
		last if length $body >= ($head =~ /^content-length: (\d+)/mi ? $1 : 1e9);
	}
	return $answer;
}

# Ask until the status is the wanted one; returns the last.
sub until_status
{
	my ($wanted, $port, @request) = @_;
	my $deadline = time + PATIENCE_S;
	my $got;

	while (($got = status(http_request($port, request(@request)))) ne $wanted)
	{
		last if time > $deadline;
		sleep(0.01);
	}
	return $got;
}

1;
