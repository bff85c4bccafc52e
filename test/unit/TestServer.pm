# TestServer.pm
#	A gateway that does what the text says, for tests of the courier.  Asked
#	for its texts by a GET, it lists those that it did not refuse.
#
#	It runs in a process of its own and writes a line for each request that
#	it has received whole: the connection's number, and the form's fields.
package TestServer;

use strict;
use warnings;
use File::Temp qw(tempfile);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket;
use Time::HiRes qw(time);

my %answers = (
	'429' => [ 429, '{"code":20429,"message":"Too Many Requests"}', 'Retry-After: 3' ],
	'500' => [ 500, '{"code":20500,"message":"Internal Server Error"}' ],
	'bad' => [ 400, '{"code":21211,"message":"not a valid phone number"}' ],
	'stop' => [ 400, '{"code":21610,"message":"unsubscribed recipient"}' ],
	'auth' => [ 401, '{"code":20003,"message":"Authenticate"}' ],
	'html' => [ 404, '<html>what?</html>' ],
	'moved' => [ 307, '', 'Location: /elsewhere' ],
	'nonsense' => [ 201, '{"sid":' ],
	'huge' => [ 201, '{"sid":"SM1","x":"' . 'x' x 200_000 . '"}' ],
);

sub start
{
	my ($class) = @_;
	my $listener = IO::Socket::INET->new(
		Listen => 128,
		LocalAddr => '127.0.0.1',
		LocalPort => 0) // die "cannot listen: $!";
	my ($log, $log_name) = tempfile(UNLINK => 1);
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		$log->autoflush(1);
		serve($listener, $log);
		POSIX::_exit(0);
	}
	return bless {
		port => $listener->sockport,
		pid => $pid,
		log => $log_name
	}, $class;
}

sub url { return 'http://127.0.0.1:' . $_[0]{port} }

# All requests received so far, as hashes.
sub requests
{
	my ($self) = @_;
	open(my $in, '<', $self->{log}) or die "$self->{log}: $!";
	my @requests;
	while (my $line = <$in>)
	{
		chomp $line;
		my ($connection, $head, $form) = split /\t/, $line, 3;
		push @requests,
		  { connection => $connection, head => $head, form($form) };
	}
	return @requests;
}

sub form
{
	return map { tr/+/ /r =~ s/%(..)/chr hex $1/ger }
	  map { my ($k, $v) = split /=/, $_, 2; ($k, $v // '') } split /&/, $_[0];
}

sub serve
{
	my ($listener, $log) = @_;
	my $select = IO::Select->new($listener);
	my (%in, %number, @later);
	my $connections = 0;
	my @taken;
	while (1)
	{
		my $wait = @later ? $later[0][0] - time : 60;
		foreach my $socket ($select->can_read($wait > 0 ? $wait : 0))
		{
			if ($socket == $listener)
			{
				my $client = $listener->accept // next;
				$select->add($client);
				$in{$client} = '';
				$number{$client} = ++$connections;
				next;
			}
			my $n = sysread($socket, $in{$socket}, 65536, length $in{$socket});
			if (!$n)
			{
				$select->remove($socket);
				close($socket);
				next;
			}
			while ($in{$socket} =~ /\A(.*?)\r\n\r\n(.*)\z/s)
			{
				my ($head, $body) = ($1, $2);
				my ($len) = $head =~ /^content-length: (\d+)/mi;
				last if length $body < ($len // 0);
				$in{$socket} = substr($body, $len // 0);
				$body = substr($body, 0, $len // 0);
				print $log join("\t",
					$number{$socket}, $head =~ s/\r\n/|/gr, $body), "\n";
				my %form = form($body);
				if ($head =~ /^GET \S*\?(\S*)/)
				{
					answer_list($socket, \@taken, form($1));
					next;
				}
				my $what = $form{Body} // 'ok';
				push @taken, { %form, sid => 'TAKEN' . @taken, time => time }
				  if !$answers{$what};
				if ($what eq 'close' || $what eq 'reset')
				{
					setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0))
					  if $what eq 'reset';
					$select->remove($socket);
					close($socket);
					last;
				}
				push @later, [ time + 1, $socket ] if $what eq 'slow';
				answer($socket, $what) if $what !~ /^(?:slow|hang)/;
			}
		}
		answer((shift @later)->[1], 'ok') while @later && $later[0][0] <= time;
	}
	return;
}

my $sids = 0;

sub answer
{
	my ($socket, $what) = @_;
	my ($status, $body, $header) = @{
		$answers{$what} // [
			201,
			sprintf('{"sid":"SM%032d","status":"queued","num_segments":"2"}',
				++$sids)
		]
	};
	my $data = join("\r\n",
		"HTTP/1.1 $status Status",
		"Content-Type: application/json",
		'Content-Length: ' . length $body,
		($header // ()), '', $body);
	while (length $data)
	{
		my $n = syswrite($socket, $data) // return;
		substr($data, 0, $n, '');
	}
	return;
}

sub answer_list
{
	my ($socket, $taken, %query) = @_;
	my $list = join(',',
		map {
			sprintf(
				'{"sid":"%s","to":"%s","from":"%s","body":"%s","date_created":"%s"}',
				$_->{sid}, $_->{To}, $_->{From}, $_->{Body},
				POSIX::strftime('%a, %d %b %Y %T +0000', gmtime $_->{time}))
		} grep { $_->{To} eq $query{To} && $_->{From} eq $query{From} } @$taken);
	my $body = qq({"messages":[$list]});
	syswrite($socket,
		"HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	return;
}

1;
