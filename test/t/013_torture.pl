# kill -9 of couriers, workers and the server, again and again, while a bad
# gateway is sent to and voters opt out.  make torture does so for as many
# minutes as TORTURE_MINUTES says; here is a short form of it.

use strict;
use warnings;

use lib 'test/t/lib';
use Test::More;
use Torture;

my $minutes = $ENV{TORTURE_MINUTES} || 0;
my $until = time + 60 * $minutes;
my $seed = $ENV{TORTURE_SEED} || 1;

do
{
	note("seed $seed");
	torture(
		seed => $seed++,
		sends => $minutes ? 50000 : 3000,
		kills => $minutes ? 20 : 4);
} while (time < $until);

done_testing();
