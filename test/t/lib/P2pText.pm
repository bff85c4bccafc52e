# P2pText.pm
#	  What the TAP tests share: a cluster with p2ptext, and a test gateway.
#
# A test talks to the gateway by HTTP under /control/, and believes the
# gateway's own record, not ours, about what was accepted.

package P2pText;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  start_cluster start_again start_gateway make_campaign wait_until wait_for wait_gone workers_rest
  try_psql value promised PATIENCE_S ACCOUNT SECRET SENDER
);

# So long may take on a busy machine what comes in a moment on others; but
# whoever waited in vain once does not do so as long again.
use constant PATIENCE_S => 120;
my $patience = PATIENCE_S;

use constant ACCOUNT => 'AC0123456789abcdef0123456789abcdef';
use constant SECRET => 'not-for-others-8d5e957f297893487bd9';
use constant SENDER => '+12025550100';

# A running cluster with the library preloaded and a secret for gateway "tw";
# secrets are those of others, name => secret.
sub start_cluster
{
	my ($name, %settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $secrets = $node->basedir . '/secrets';
	my %others = %{ delete $settings{secrets} // {} };

	$node->init(allows_streaming => $settings{streaming} // 0);
	delete $settings{streaming};
	append_to_file($secrets, "# gateway = auth token\ntw = " . SECRET . "\n");
	append_to_file($secrets, "$_ = $others{$_}\n") for sort keys %others;
	chmod 0600, $secrets or die "chmod: $!";
	$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'p2ptext'
p2ptext.secrets_file = '$secrets'
restart_after_crash = on
log_min_messages = info
CONF
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'")
	  for sort keys %settings;
	$node->start;
	return $node;
}

# What psql says, if there is anybody to answer: a server that goes down may
# end psql before it has read the query.
sub try_psql
{
	my ($node, $query) = @_;
	my @answer = eval { $node->psql('postgres', $query) };
	return $@ ? (2, '') : @answer;
}

# A time that we promise.  It holds on a quiet machine, which that of the long
# forms is; others get the room that they need, and a fault takes longer still.
sub promised
{
	my ($time, $roomy) = @_;
	return $ENV{TORTURE_MINUTES} ? $time : $roomy;
}

# Until that is true; returns whether it is.
sub wait_until
{
	my ($what, $test, $seconds) = @_;
	my $give_up = time + ($seconds // $patience);

	until ($test->())
	{
		if (time > $give_up)
		{
			$patience = 10;
			return fail($what);
		}
		sleep 0.05;
	}
	return pass($what);
}

# Until a query gives what is wanted; says what it gave last otherwise.
sub wait_for
{
	my ($node, $query, $wanted, $what, $seconds) = @_;
	my ($code, $got);

	# A server that recovers refuses; that is part of some tests.
	return 1
	  if wait_until($what,
		sub {
			($code, $got) = try_psql($node, $query);
			return $code == 0 && $got eq $wanted;
		},
		$seconds);
	diag("wanted: $wanted\ngot:    $got\nquery:  $query");
	return 0;
}

# Until a process has ended and its parent, maybe init, knows.
sub wait_gone
{
	my ($pid, $what) = @_;
	return wait_until($what, sub { !kill 0, $pid });
}

# The seconds of a processor that processes have used.
sub used
{
	my $ticks = 0;

	foreach my $pid (@_)
	{
		my $stat = slurp_file("/proc/$pid/stat");
		my @field = split ' ', substr($stat, rindex($stat, ')') + 2);
		$ticks += $field[11] + $field[12];
	}
	return $ticks / POSIX::sysconf(&POSIX::_SC_CLK_TCK);
}

# Workers with nothing to do sleep, and do not look again and again.
sub workers_rest
{
	my ($node, $what) = @_;
	my @pids = split /\n/, value($node, 'SELECT pid FROM p2ptext.stat_worker');
	my $before = used(@pids);

	sleep 2;
	return cmp_ok(used(@pids) - $before, '<', 0.2, "$what: workers rest");
}

# After the end of a postmaster that was killed.  Its children may hold on to
# the shared memory for a moment.
sub start_again
{
	my ($node, $postmaster) = @_;
	wait_gone($postmaster, 'the postmaster is gone');
	return wait_until('the server starts again', sub { $node->start(fail_ok => 1) });
}

sub value
{
	my ($node, $query) = @_;
	return $node->safe_psql('postgres', $query);
}

# A table of voters, adopted, and a broadcast campaign with drafts for all.
# Ids begin with first, or 0; the number of id 7 is 919-555-0007.  Another
# gateway than "tw" may be given as what add_gateway() takes, and its name is
# then that of campaign and table as well.
sub make_campaign
{
	my ($node, %o) = @_;
	my $first = $o{first} // 0;
	my $last = $first + ($o{voters} // 100) - 1;
	my $mode = $o{mode} // 'broadcast';
	my $url = $o{url};
	my %other = %{ $o{gateway} // {} };
	my $name = $other{name} // 'c';
	my $voters = %other ? "voters_$name" : 'voters';
	my $segment = %other ? $voters : 'all';
	my $gw = $other{name} // 'tw';
	my $gateway =
	  %other
	  ? 'SELECT p2ptext.add_gateway('
	  . join(', ', map { "$_ => '$other{$_}'" } sort keys %other) . ')'
	  : $url
	  ? "SELECT p2ptext.add_gateway('tw', 'twilio', account => '@{[ACCOUNT]}',
			senders => '{@{[SENDER]}}', base_url => '$url')"
	  : "SELECT p2ptext.add_gateway('tw', 'loopback')";

	$node->safe_psql('postgres', <<SQL);
CREATE EXTENSION IF NOT EXISTS p2ptext;
CREATE TABLE $voters (id int PRIMARY KEY, first_name text, cell text);
INSERT INTO $voters
SELECT n, 'Voter ' || n, '+1919555' || lpad(n::text, 4, '0')
FROM generate_series($first, $last) n;
SELECT p2ptext.add_source('$voters', '$voters', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('$segment', '$voters', 'true');
$gateway;
SELECT p2ptext.create_campaign('$name', '$segment', '$gw', 'Hi {{first_name}}, will you vote?',
	mode => '$mode', hours_start => '00:00', hours_end => '24:00');
SELECT p2ptext.add_question('$name', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT p2ptext.launch('$name');
SQL
	return;
}

# A test gateway; options are the names of its settings.
sub start_gateway
{
	my (%options) = @_;
	my $self = bless { out => '', err => '' }, 'P2pText::Gateway';
	my $log = PostgreSQL::Test::Utils::tempdir() . '/gateway.log';
	my @command = (
		'test/gateway/gateway', '--port', '0', '--until-eof', '--log', $log,
		'--auth', ACCOUNT . ':' . SECRET,
		map { ("--$_", $options{$_}) } sort keys %options);

	$self->{stdin} = gensym;
	$self->{run} =
	  IPC::Run::start(\@command, '<pipe', $self->{stdin}, '>', \$self->{out},
		'2>', \$self->{err}, IPC::Run::timeout(3600));
	for (1 .. 200)
	{
		$self->{run}->pump_nb;
		last if $self->{out} =~ /listening on (\S+)/;
		sleep 0.05;
	}
	$self->{out} =~ /listening on (\S+)/
	  or die "test gateway did not start: $self->{err}";
	$self->{url} = "http://$1";
	return $self;
}

package P2pText::Gateway;

sub url
{
	return $_[0]->{url};
}

sub ask
{
	my ($self, $what) = @_;
	my $answer = HTTP::Tiny->new(timeout => 30)->get("$self->{url}/control/$what");
	die "gateway: $answer->{status} $answer->{content}" unless $answer->{success};
	return JSON::PP->new->utf8->decode($answer->{content});
}

# All that was accepted, as a list of hashes.
sub messages
{
	return @{ $_[0]->ask('messages') };
}

sub stats
{
	return $_[0]->ask('stats');
}

# Until no more texts have come for a while.
sub until_quiet
{
	my ($self) = @_;
	my ($before, $now) = (-1, $self->stats->{accepted});

	while ($now != $before)
	{
		sleep 0.5;
		($before, $now) = ($now, $self->stats->{accepted});
	}
	return;
}

sub tell
{
	my ($self, $what, %form) = @_;
	my $answer =
	  HTTP::Tiny->new(timeout => 30, keep_alive => 0)->post_form("$self->{url}/control/$what", \%form);
	die "gateway: $answer->{status} $answer->{content}" unless $answer->{success};
	return;
}

# How often each recipient was accepted: { number => times }.
sub accepted
{
	my %times;
	$times{ $_->{to} }++ foreach $_[0]->messages;
	return \%times;
}

sub stop
{
	my ($self) = @_;
	close $self->{stdin};
	$self->{run}->finish;
	return;
}

1;
