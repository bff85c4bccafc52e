# Bench.pm
#	What the benchmarks of sending and receiving share: databases, campaigns,
#	the gateway, and lines of output.
#
# Each benchmark has a database of its own, and its workers end with it.

package Bench;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::INET;
use IPC::Open2;
use List::Util qw(first);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  run_benches rows runs median report_ratio report_value
  setting fresh_database drop_database fill_memory set_up make_campaign wait_for
  start_gateway free_port bare_curl drain rate ACCOUNT SECRET SENDER
);

use constant ACCOUNT => 'AC00000000000000000000000000000000';
use constant SECRET => 'bench';
use constant SENDER => '+12025550100';

# No benchmark gets nowhere for so long, in seconds.
use constant PATIENCE => 60;

my $number = 0;
my $server; # a session of the database "postgres"
my $filling; # a file of nothing, which lasts as long as we do

# How much, unless an environment variable says otherwise.
sub rows
{
	return $ENV{ROWS} // $_[0];
}

sub runs
{
	return $ENV{RUNS} // 3;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[ $#sorted / 2 ];
}

sub report_ratio
{
	my ($name, $ours, $limit, $theirs, $unit) = @_;
	printf "%s: ratio %.2f (p2ptext %.0f %s, %s %.0f %s)\n",
	  $name, $ours / $theirs, $ours, $unit, $limit, $theirs, $unit;
	return;
}

sub report_value
{
	my ($name, $value, $unit, $figures) = @_;
	printf "%s: %.2f %s (%s)\n", $name, $value, $unit, $figures;
	return;
}

# What the figures depend on besides the program.
sub print_head
{
	my $settings = $server->ask(<<SQL);
SELECT string_agg(format('%s %s', name, current_setting(name)), ', ' ORDER BY name ~ '[.]', name)
FROM pg_settings
WHERE name IN ('fsync', 'max_wal_size', 'server_version', 'shared_buffers', 'synchronous_commit',
	'p2ptext.batch_size', 'p2ptext.max_in_flight', 'p2ptext.senders')
SQL
	chomp(my $processors = qx(nproc));
	print "# $FindBin::Script: $processors processors, $settings\n";
	return;
}

# Run those of name => function pairs that ONLY asks for; what it names may
# also be a figure, of which a function may print several.
sub run_benches
{
	my (@benches) = @_;
	my $only = $ENV{ONLY} // '';
	my @wanted;

	while (my ($name, $bench) = splice @benches, 0, 2)
	{
		push @wanted, $bench
		  if index($name, $only) == 0 || index($only, $name) == 0;
	}
	return unless @wanted;
	$| = 1;
	$server = Bench::Session->new('postgres');
	# A checkpoint in the middle would be measured in one run of three.
	setting('max_wal_size', '16GB');
	setting('checkpoint_timeout', '1h');
	give_secret();
	print_head();
	$_->() foreach @wanted;
	return;
}

# Change a setting of the server, or with no value set it back.
sub setting
{
	my ($name, $value) = @_;
	$server->ask(
		defined $value
		? "ALTER SYSTEM SET $name = '$value'"
		: "ALTER SYSTEM RESET $name");
	$server->ask('SELECT pg_reload_conf()');
	return;
}

# The server's user alone may read the secrets.
sub give_secret
{
	my $dir = $server->ask('SHOW data_directory');
	my ($uid, $gid) = (stat $dir)[ 4, 5 ];
	open my $out, '>', "$dir/secrets" or die "$dir/secrets: $!";
	print $out 'bench = ', SECRET, "\n";
	close $out;
	chown $uid, $gid, "$dir/secrets" if $> == 0;
	chmod 0600, "$dir/secrets";
	setting('p2ptext.secrets_file', "$dir/secrets");
	setting('p2ptext.public_url', 'http://127.0.0.1:9');
	return;
}

# A session of a new database with the extension, whose workers wait.
sub fresh_database
{
	my $name = 'bench_' . ++$number;
	$server->ask("CREATE DATABASE $name");
	my $db = Bench::Session->new($name);
	$db->ask('CREATE EXTENSION p2ptext');
	wait_for($db, "SELECT count(*) > 0 AND bool_and(state = 'idle')
		FROM p2ptext.stat_worker WHERE datname = current_database() AND kind = 'sender'", 't');
	return $db;
}

sub drop_database
{
	my ($db) = @_;
	$db->end;
	$server->ask('DROP DATABASE ' . $db->name . ' WITH (FORCE)');
	return;
}

# Let the page cache take all memory, as it has on a server that has been up for
# a while.  A virtual machine whose host takes back what is free may have to
# wait for each page that it has not used lately, ten times as long as it takes
# to write the page.
sub fill_memory
{
	my $dir = $server->ask('SHOW data_directory');
	my ($kb) = `cat /proc/meminfo` =~ /MemAvailable:\s*(\d+)/;

	if (!$filling)
	{
		open $filling, '+>', "$dir/nothing" or die "$dir/nothing: $!";
		unlink "$dir/nothing";
	}
	truncate $filling, $kb * 1024;
	seek $filling, 0, 0;
	while (sysread $filling, my $buffer, 1 << 20) { }
	return;
}

sub wait_for
{
	my ($db, $query, $wanted) = @_;
	my $give_up = time + PATIENCE;
	while ((my $got = $db->ask($query)) ne $wanted)
	{
		die "waited for $wanted, not $got: $query\n" if time > $give_up;
		sleep 0.02;
	}
	return;
}

# Voters, and a gateway at this URL.
sub set_up
{
	my ($db, $rows, $url) = @_;
	my ($account, $sender) = (ACCOUNT, SENDER);
	$db->ask(<<SQL);
CREATE TABLE bench_voters (id int PRIMARY KEY, first_name text, cell text);
INSERT INTO bench_voters
SELECT n, 'Voter' || n, '+1' || (array['919', '984', '336', '704'])[1 + n % 4]
	|| lpad((5550000 + n / 4)::text, 7, '0')
FROM generate_series(0, $rows - 1) n;
ANALYZE bench_voters;
SELECT FROM p2ptext.add_source('bench', 'bench_voters', key => 'id', phone => 'cell');
SELECT FROM p2ptext.add_segment('bench', 'bench', 'true');
SELECT FROM p2ptext.add_gateway('bench', 'twilio', account => '$account', senders => '{$sender}',
	base_url => '$url');
SQL
	return;
}

# A campaign with a draft for each voter, or each of a segment.
sub make_campaign
{
	my ($db, $name, $segment) = @_;
	$segment //= 'bench';
	$db->ask(<<SQL);
SELECT FROM p2ptext.create_campaign('$name', '$segment', 'bench',
	'Hi {{first_name}}, this is Sam with the neighbors for better roads. Can we count on your vote on November 3?',
	mode => 'broadcast', hours_start => '00:00', hours_end => '24:00');
SELECT FROM p2ptext.launch('$name');
SQL
	$db->ask('VACUUM (ANALYZE) p2ptext.outbox, p2ptext.conversation, p2ptext.message');
	$db->ask('CHECKPOINT');
	return;
}

# A gateway that ends when we do: its URL, its log, and what keeps it.
sub start_gateway
{
	my @options = @_;
	my $dir = tempdir(CLEANUP => 1);
	my $pid = open2(my $out, my $in, "$FindBin::Bin/../gateway/gateway",
		'--port', '0', '--until-eof', '--log', "$dir/log",
		'--auth', ACCOUNT . ':' . SECRET, @options);
	my ($address) = <$out> =~ /listening on (\S+)/ or die "no test gateway\n";
	return { url => "http://$address", log => "$dir/log", in => $in,
		out => $out, pid => $pid };
}

# A port that nobody listens on, as far as anybody can know.
sub free_port
{
	return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)->sockport;
}

# What libcurl alone sends per second.
sub bare_curl
{
	my ($url, $count, $window) = @_;
	my $out = qx("$FindBin::Bin/bare-curl" --url "$url" --count $count --window $window);
	my ($rate) = $out =~ /rate (\S+)/ or die "bare-curl: $out\n";
	return $rate;
}

# Approve all drafts of a campaign, and look from then until all were sent:
# pairs of seconds since, and how many.
sub drain
{
	my ($db, $campaign, $rows) = @_;
	my $count = 'SELECT sum(sent) FROM p2ptext.stat_worker WHERE datname = current_database()';
	my $before = $db->ask($count);
	$db->ask("SELECT p2ptext.approve_batch('$campaign', $rows)");
	my $began = time;
	my @seen = ([ 0, 0 ]);
	my $moved = $began;
	while ($seen[-1][1] < $rows)
	{
		sleep 0.02;
		push @seen, [ time - $began, $db->ask($count) - $before ];
		$moved = time if $seen[-1][1] > $seen[-2][1];
		die "$seen[-1][1] of $rows were sent, and then no more\n"
		  if time - $moved > PATIENCE;
	}
	return @seen;
}

# Per second, of what drain() saw, from some share of the texts on.
sub rate
{
	my ($share, @seen) = @_;
	my $from = first { $_->[1] >= $share * $seen[-1][1] } @seen;
	return ($seen[-1][1] - $from->[1]) / ($seen[-1][0] - $from->[0]);
}

# A psql that stays.
package Bench::Session;

use IPC::Open2;

sub new
{
	my ($class, $name) = @_;
	my $pid = open2(my $out, my $in, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
		'-d', $name);
	my $self = bless { name => $name, out => $out, in => $in, pid => $pid }, $class;
	$self->ask('SET client_min_messages = warning');
	return $self;
}

# That of its database.
sub name
{
	return $_[0]->{name};
}

# The answer to some statements, without the last newline.
sub ask
{
	my ($self, $query) = @_;
	$self->start($query);
	return $self->answer;
}

# The same in two steps, for what takes long.
sub start
{
	my ($self, $query) = @_;
	$self->{query} = $query;
	print { $self->{in} } "$query;\n\\echo <end>\n";
	$self->{in}->flush;
	return;
}

sub answer
{
	my ($self) = @_;
	my $answer = '';
	while (defined(my $line = readline $self->{out}))
	{
		return $answer =~ s/\n\z//r if $line eq "<end>\n";
		$answer .= $line;
	}
	die "psql failed: $self->{query}\n";
}

sub end
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	close $self->{in};
	waitpid $pid, 0;
	return;
}

1;
