# README.md is true: its tour is run, in order, on one cluster, and must give
# what is printed there; its table of settings is the server's, and everything
# it names in the schema exists.
#
# Every ```sql block is followed by a ```text block with its output.  Comments
# that a reader does not see may stand before a block, each on a line:
#	  <!-- run -->		run the ```sh block that follows; its output is not shown
#	  <!-- as ROLE -->	run the ```sql block that follows as that role
#	  <!-- wait: SQL -->	first wait until the query gives t
#
# After a drift the log directory has the README as it would be true.

use strict;
use warnings;

use lib 'test/t/lib';
use IPC::Run;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_cluster('readme');
my $readme = slurp_file('README.md');
my $dir = PostgreSQL::Test::Utils::tempdir();
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'postgres';
local $ENV{PGCLIENTENCODING} = 'UTF8';

# What a client prints, without the blanks at the ends of lines.
sub tidy
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\n+\z/\n/;
	return $text;
}

sub run_sql
{
	my ($sql, $role) = @_;
	my $out = '';
	IPC::Run::run([ 'psql', '-X', '-U', $role ], '<', \$sql, '>&', \$out);
	return tidy($out);
}

# Lines that only one of two texts has, in the manner of diff.
sub difference
{
	my ($wanted, $got) = @_;
	append_to_file("$dir/wanted", $wanted);
	append_to_file("$dir/got", $got);
	my $diff = `diff -u --label README.md "$dir/wanted" --label now "$dir/got"`;
	unlink "$dir/wanted", "$dir/got";
	return $diff;
}

# The lines of the fence that begins at line n, and the line after its end.
sub fence
{
	my ($lines, $n) = @_;
	my $text = '';
	for ($n++; $n < @$lines && $lines->[$n] ne '```'; $n++)
	{
		$text .= "$lines->[$n]\n";
	}
	return ($text, $n + 1);
}

# Run the examples; returns the README as it would be true.
sub run_examples
{
	my @lines = split /\n/, $readme;
	my @true;
	my ($role, $run) = ('postgres', 0);
	my $n = 0;

	while ($n < @lines)
	{
		my $line = $lines[$n];
		my $begin = $n++;

		$run = 1 if $line eq '<!-- run -->';
		$role = $1 if $line =~ /^<!-- as (\w+) -->$/;
		wait_for($node, $1, 't', "line @{[$begin + 1]}: what is waited for happens")
		  if $line =~ /^<!-- wait: (.*) -->$/;
		if ($line eq '```sh')
		{
			(my $script, $n) = fence(\@lines, $begin);
			is(system('sh', '-ec', "PGUSER=postgres; export PGUSER\n$script"), 0,
				"line @{[$begin + 1]}: the commands work")
			  if $run;
			$run = 0;
		}
		elsif ($line eq '```sql')
		{
			(my $sql, $n) = fence(\@lines, $begin);
			$n++ while $n < @lines && $lines[$n] eq '';
			push @true, @lines[ $begin .. $n - 1 ];
			my $out = run_sql($sql, $role);
			$role = 'postgres';
			if ($n == @lines || $lines[$n] ne '```text')
			{
				fail("line @{[$begin + 1]}: an example is followed by its output");
				next;
			}
			my $first = $n;
			(my $wanted, $n) = fence(\@lines, $n);
			ok($out eq $wanted, "line @{[$first + 1]}: the example gives this")
			  or diag(difference($wanted, $out));
			chomp $out;
			push @true, '```text', $out, '```';
			next;
		}
		push @true, @lines[ $begin .. $n - 1 ];
	}
	return join("\n", @true) . "\n";
}

my $true = run_examples();
append_to_file("$ENV{TESTLOGDIR}/README.md", $true)
  if $true ne $readme && $ENV{TESTLOGDIR};

# The table of settings.
my %settings;
while ($readme =~ /^\| `(p2ptext\.\w+)` \| (.*?) \| (.*?) \|/mg)
{
	$settings{$1} = "$2|$3";
}
my %known = map { split /=/, $_, 2 } split /\n/, value($node, <<'SQL');
SELECT name || '=' ||
	CASE WHEN boot_val = '' THEN '(empty)' ELSE boot_val || coalesce(' ' || unit, '') END || '|' ||
	coalesce(min_val || ' to ' || max_val, 'text')
FROM pg_settings WHERE name LIKE 'p2ptext.%'
SQL
is_deeply(\%settings, \%known, 'the table of settings is true');

# Whatever is named p2ptext.something.
my %exists = map { $_ => 1 } keys %known, split /\n/, value($node, <<'SQL');
SELECT 'p2ptext.' || proname FROM pg_proc WHERE pronamespace = 'p2ptext'::regnamespace
UNION SELECT 'p2ptext.' || relname FROM pg_class WHERE relnamespace = 'p2ptext'::regnamespace
UNION SELECT 'p2ptext.' || typname FROM pg_type WHERE typnamespace = 'p2ptext'::regnamespace
SQL
my %named = map { $_ => 1 } $readme =~ /\b(p2ptext\.[a-z]\w*)/g;
is_deeply([ grep { !$exists{$_} } sort keys %named ], [], 'everything that is named exists');

$node->stop;
done_testing();
