# Receiving.pm
#	  What tests of receiving share: webhooks signed as Twilio does, a client
#	  that tries again as a provider does, a session that stays, and another
#	  program in the place of the courier.

package Receiving;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha1_base64);
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IPC::Run;
use P2pText;
use POSIX qw(:sys_wait_h EINPROGRESS);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  form_encode webhook post start_client release acked client_done start_session ask
  courier_path replace_courier restore_courier read_file write_file
);

# A client's connections, and how long it waits before it tries again.
use constant CONNECTIONS => 24;
use constant AGAIN_S => 0.05;
# Longer than the courier keeps a webhook.
use constant ANSWER_S => 30;

sub form_encode
{
	my ($text) = @_;
	return $text =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ger;
}

# The whole request, signed; bytes in, bytes out.
sub webhook
{
	my ($port, $path, %form) = @_;
	my $url = "http://127.0.0.1:$port$path";
	my $body = join '&', map { form_encode($_) . '=' . form_encode($form{$_}) } sort keys %form;
	my $signature = hmac_sha1_base64($url . join('', map { $_ . $form{$_} } sort keys %form), SECRET) . '=';

	return join "\r\n", "POST $path HTTP/1.1", "Host: 127.0.0.1:$port",
	  'Content-Type: application/x-www-form-urlencoded', "X-Twilio-Signature: $signature",
	  'Content-Length: ' . length $body, '', $body;
}

sub connect_to
{
	my ($port) = @_;
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
}

# The status and body of the first whole answer in a buffer, which loses it.
sub take_answer
{
	my ($buffer) = @_;

	return unless $$buffer =~ m{\AHTTP/1\.1 (\d+).*?\r\n\r\n}s;
	my ($status, $head) = ($1, $+[0]);
	my ($length) = substr($$buffer, 0, $head) =~ /^content-length: (\d+)/mi;
	return if length $$buffer < $head + ($length // 0);
	my $body = substr($$buffer, $head, $length // 0);
	substr($$buffer, 0, $head + ($length // 0), '');
	return ($status, $body);
}

# One request, as long as it takes; its status, or 0.
sub post
{
	my ($port, $request) = @_;
	my $socket = connect_to($port) or return 0;
	my $until = time + ANSWER_S;
	my $answer = '';

	while (length $request && time < $until)
	{
		my $n = syswrite($socket, $request) // return 0;
		substr($request, 0, $n, '');
	}
	while (IO::Select->new($socket)->can_read($until - time))
	{
		sysread($socket, $answer, 65536, length $answer) or last;
		my ($status) = take_answer(\$answer);
		return $status if $status;
	}
	return 0;
}

# One of a client's connections takes the next request.
sub begin
{
	my ($c, $port, $waiting) = @_;

	$c->{request} = shift @$waiting;
	$c->{until} = time + ANSWER_S;
	$c->{in} = '' if !$c->{socket};
	$c->{socket} //= connect_to($port);
	return $c->{socket}
	  && (syswrite($c->{socket}, $c->{request}[1]) // 0) == length $c->{request}[1];
}

# What has become of it: the status, 0 when the connection is of no use any
# more, nothing as long as that is not known.
sub look_at
{
	my ($c, $readable) = @_;

	return time > $c->{until} ? 0 : undef if !$readable;
	return 0 if !sysread($c->{socket}, $c->{in}, 65536, length $c->{in});
	return (take_answer(\$c->{in}))[0];
}

# Send all [key, request] until each is acknowledged, and every tenth of them
# again then.  A line in the log tells of each first acknowledgment.  A number
# on a line of "released" lets so many more of them go.
sub run_client
{
	my ($port, $log, $requests, $seconds, $released) = @_;
	my @held = @$requests;
	my (@waiting, @again);
	my @connections = map { {} } 1 .. CONNECTIONS;
	my (%seen, $n);
	my $give_up = time + $seconds;

	local $SIG{PIPE} = 'IGNORE';
	while ((@held || @waiting || @again || grep { $_->{request} } @connections) && time < $give_up)
	{
		push @waiting, splice @held, 0, readline $released
		  if @held && IO::Select->new($released)->can_read(0);
		push @waiting, (shift @again)->[1] while @again && $again[0][0] <= time;
		my @failed;
		foreach my $c (grep { !$_->{request} } @connections)
		{
			last if !@waiting;
			push @failed, $c if !begin($c, $port, \@waiting);
		}
		my %by_fd = map { $_->{request} && $_->{socket} ? (fileno $_->{socket} => $_) : () } @connections;
		my %readable =
		  map { fileno $_ => 1 } IO::Select->new(map { $_->{socket} } values %by_fd)->can_read(0.02);
		foreach my $fd (keys %by_fd)
		{
			my $c = $by_fd{$fd};
			my $status = look_at($c, $readable{$fd}) // next;
			if ($status < 200 || $status > 299)
			{
				push @again, [ time + AGAIN_S, $c->{request} ] if $status;
				push @failed, $c if !$status;
			}
			elsif (!$seen{ $c->{request}[0] }++)
			{
				syswrite($log, "$c->{request}[0]\n");
				push @waiting, $c->{request} if ++$n % 10 == 0;
			}
			delete $c->{request} if $status;
		}
		foreach my $c (grep { $_->{request} } @failed)
		{
			push @again, [ time + AGAIN_S, delete $c->{request} ];
			delete $c->{socket};
		}
	}
	return keys %seen == @$requests;
}

# The same in a process of its own, for so many seconds at most.  It sends
# nothing before release().
sub start_client
{
	my ($port, $log_name, $requests, $seconds) = @_;

	open(my $log, '>>', $log_name) or die "$log_name: $!";
	pipe(my $released, my $release) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	return { pid => $pid, log => $log_name, release => $release } if $pid;
	my $done = eval { run_client($port, $log, $requests, $seconds, $released) };
	print STDERR $@ if $@;
	POSIX::_exit($done ? 0 : 1);
}

# One call at a time: the next, when some of these are acknowledged.
sub release
{
	my ($client, $n) = @_;
	return syswrite($client->{release}, "$n\n");
}

sub acked
{
	my ($client) = @_;
	return split /\n/, read_file($client->{log});
}

# Whether it got all acknowledged; undef while it is at work.
sub client_done
{
	my ($client, $wait) = @_;

	return $client->{done} if defined $client->{done};
	return undef if waitpid($client->{pid}, $wait ? 0 : WNOHANG) != $client->{pid};
	return $client->{done} = $? == 0 ? 1 : 0;
}

# A backend that stays, and what it says to a query.
sub start_session
{
	my ($node) = @_;
	my $s = { in => '', out => '', err => '' };

	$s->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$s->{in}, '>', \$s->{out}, '2>', \$s->{err}, IPC::Run::timeout(600));
	return $s;
}

sub ask
{
	my ($s, $query) = @_;

	$s->{out} = '';
	$s->{in} .= "$query;\n\\echo it is said\n";
	$s->{run}->pump until $s->{out} =~ s/^it is said\n//m;
	return $s->{out} =~ s/\n\z//r;
}

sub read_file
{
	my ($name) = @_;

	open(my $in, '<:raw', $name) or return '';
	local $/;
	return <$in> // '';
}

sub write_file
{
	my ($name, $text, $mode) = @_;

	open(my $out, '>:raw', "$name.new") or die "$name: $!";
	print $out $text;
	close $out;
	chmod $mode, "$name.new" or die "chmod: $!" if $mode;
	rename "$name.new", $name or die "rename: $!";
	return;
}

# Each run of the tests has an installation of its own, and in it a courier.
sub courier_path
{
	my $libdir = `pg_config --pkglibdir`;

	chomp $libdir;
	return "$libdir/p2ptext-courier";
}

my $replaced;

# The true one is then called p2ptext-courier.true.
sub replace_courier
{
	my ($program) = @_;
	my $path = courier_path();

	if (!$replaced)
	{
		rename $path, "$path.true" or die "rename: $!";
		$replaced = 1;
	}
	write_file($path, $program, 0755);
	return "$path.true";
}

sub restore_courier
{
	my $path = courier_path();

	rename "$path.true", $path or die "rename: $!" if $replaced;
	$replaced = 0;
	return;
}

# Others need it too, however this test ends.
my $owner = $$;

END
{
	local $?;
	restore_courier() if $replaced && $$ == $owner;
}

1;
