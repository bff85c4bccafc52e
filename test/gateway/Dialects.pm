# Dialects.pm
#	  The other side of each dialect of the test gateway: texts as a sender
#	  sends them, and webhooks as a receiver reads and checks them.
#
# Written apart from the courier's adapters, so that the gateway is compared
# with what providers document and not with them.  Needs core Perl, and the
# openssl program for Ed25519.

package Dialects;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha1_base64 hmac_sha256 hmac_sha256_base64 sha256_hex);
use Encode qw(encode);
use Exporter 'import';
use File::Temp ();
use HTTP::Tiny;
use IO::Select;
use JSON::PP;
use MIME::Base64 ();

our @EXPORT = qw(dialects receive decode_form padded bare iso post_json get_json);

# Our number, a phone's, and what signs the webhooks of some.
use constant { FROM => '+19195550100', TO => '+19195550104', HOOKS => 'user:hooks' };

# kept alive, each POST would wait for a delayed ACK
my $http = HTTP::Tiny->new(timeout => 5, keep_alive => 0);
my ($url, $account, $basic);

# A webhook: accepts one request, answers it, and returns it.
sub receive
{
	my ($listener, $status, $content) = @_;
	$content //= '';
	IO::Select->new($listener)->can_read(5) or return;
	my $conn = $listener->accept or return;
	my ($head, $body) = ('', '');
	until ($head =~ /\r\n\r\n/) { sysread($conn, $head, 1, length $head) or return }
	my $length = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
	while (length $body < $length) { sysread($conn, $body, $length, length $body) or return }
	print $conn "HTTP/1.1 $status X\r\nContent-Length: ", length $content,
	  "\r\nConnection: close\r\n\r\n$content"
	  if $status;
	close $conn;
	my ($method, $path) = $head =~ /^(\S+) (\S+)/;
	my %headers = map { /^([^:]+): (.*)$/ ? (lc $1, $2) : () } split /\r\n/, $head;
	return { method => $method, path => $path, body => $body, headers => \%headers,
		url => 'http://127.0.0.1:' . $listener->sockport . $path };
}

sub decode_form
{
	return map { unescape($_) } map { split /=/, $_, 2 } split /&/, $_[0];
}

sub padded
{
	my ($base64) = @_;
	return $base64 . '=' x (-length($base64) % 4);
}

sub unescape
{
	my ($str) = @_;
	$str =~ tr/+/ /;
	$str =~ s/%(..)/chr hex $1/ge;
	return $str;
}

sub post_json
{
	my ($path, $auth, $what) = @_;
	delete @$what{ grep { !defined $what->{$_} } keys %$what };
	my $reply = $http->post("$url$path", { content => encode_json($what),
			headers => { 'Content-Type' => 'application/json',
				$auth ? (Authorization => $auth) : () } });
	$reply->{json} = eval { decode_json($reply->{content}) };
	return $reply;
}

sub get_json
{
	my ($path, $auth, %query) = @_;
	my $reply = $http->get("$url$path?" . $http->www_form_urlencode(\%query),
		{ headers => { $auth ? (Authorization => $auth) : () } });
	$reply->{json} = eval { decode_json($reply->{content}) };
	return $reply;
}

sub bare
{
	return $_[0] =~ s/^\+//r;
}

# Ed25519 as openssl sees it.
sub verified
{
	my ($text, $signature) = @_;
	my ($data, $proof, $key) = map { File::Temp->new } 1 .. 3;
	print $data $text;
	print $proof MIME::Base64::decode_base64($signature);
	# the fixed beginning of such a key in DER form (RFC 8410)
	print $key pack('H*', '302a300506032b6570032100'),
	  MIME::Base64::decode_base64(decode_json($http->get("$url/control/key")->{content})->{ed25519});
	close $_ for $data, $proof, $key;
	return system("openssl pkeyutl -verify -pubin -keyform DER -inkey $key " .
		  "-rawin -in $data -sigfile $proof >/dev/null 2>&1") == 0;
}

sub iso
{
	my @t = gmtime $_[0];
	return sprintf '%04d-%02d-%02dT%02d:%02d:%02d', $t[5] + 1900, $t[4] + 1, @t[ 3, 2, 1, 0 ];
}

sub unbase64url
{
	return MIME::Base64::decode_base64(padded($_[0] =~ tr{-_}{+/}r));
}

# send: a text, with text, to, hook, auth; ok, id: how it is accepted;
# busy, broken, bad: [status, code] of refusals; read: what a webhook says.
sub dialects
{
	($url, $account) = @_;
	$basic = 'Basic ' . MIME::Base64::encode_base64("$account:secret", '');
	return (
		signalwire => {
			send => sub {
				my %t = @_;
				my $reply = $http->post("$url/api/laml/2010-04-01/Accounts/$account/Messages.json",
					{ content => $http->www_form_urlencode([
							From => FROM, To => $t{to}, Body => $t{text},
							$t{hook} ? (StatusCallback => $t{hook}) : () ]),
						headers => { 'Content-Type' => 'application/x-www-form-urlencoded',
							$t{auth} ? (Authorization => $basic) : () } });
				$reply->{json} = eval { decode_json($reply->{content}) };
				return $reply;
			},
			ok => 201, id => sub { $_[0]{sid} },
			code => sub { $_[0]{json}{errors}[0]{code} },
			busy => [ 429, 20429 ], broken => [ 500, 20500 ], bad => [ 400, 21211 ],
			auth => [ 401, 20003 ], optout => [ 400, 21610 ],
			early => [ 21606, 400, 21606 ], late => 30003, words => [qw(sent delivered undelivered)],
			read => sub {
				my ($got) = @_;
				my %f = decode_form($got->{body});
				my $signed = join '', $got->{url}, map { $_ . $f{$_} } sort keys %f;
				return { id => $f{MessageSid}, status => $f{MessageStatus}, code => $f{ErrorCode},
					from => $f{From}, to => $f{To}, text => $f{Body},
					signed => $got->{headers}{'x-signalwire-signature'} eq
					  padded(hmac_sha1_base64($signed, HOOKS)) };
			},
			ask => sub {
				my %q = @_;
				return get_json("/api/laml/2010-04-01/Accounts/$account/Messages.json", $q{auth} && $basic,
					To => $q{to}, From => FROM, 'DateSent>' => iso($q{since}), 'DateSent<' => iso($q{until}));
			},
			found => sub { map { $_->{to} eq TO && $_->{date_created} =~ /^\w{3}, \d\d \w{3} \d{4} .* \+0000$/ ? $_->{sid} : '?' }
				  @{ $_[0]{messages} } },
		},
		telnyx => {
			send => sub {
				my %t = @_;
				return post_json('/v2/messages', $t{auth} && 'Bearer secret',
					{ from => FROM, to => $t{to}, text => $t{text}, webhook_url => $t{hook},
						media_urls => $t{media} });
			},
			ok => 200, id => sub { $_[0]{data}{id} },
			code => sub { $_[0]{json}{errors}[0]{code} },
			busy => [ 429, 10011 ], broken => [ 500, 10007 ], bad => [ 400, 10016 ],
			auth => [ 401, 10009 ], optout => [ 403, 40300 ],
			early => [ 40310, 400, 40310 ], late => 40008, words => [qw(sent delivered delivery_failed)],
			read => sub {
				my ($got) = @_;
				my $event = decode_json($got->{body})->{data};
				my $p = $event->{payload};
				my $time = $got->{headers}{'telnyx-timestamp'};
				return { id => $p->{id}, key => $event->{id}, status => $p->{to}[0]{status},
					code => $p->{errors}[0]{code}, from => $p->{from}{phone_number},
					to => $p->{to}[0]{phone_number}, text => encode('UTF-8', $p->{text}),
					signed => abs($time - time) < 5
					  && verified("$time|$got->{body}", $got->{headers}{'telnyx-signature-ed25519'})
					  && !verified("$time|$got->{body} ", $got->{headers}{'telnyx-signature-ed25519'}) };
			},
			ask => sub {
				my %q = @_;
				return get_json('/v2/detail_records', $q{auth} && 'Bearer secret',
					'filter[record_type]' => 'messaging', 'filter[cld]' => $q{to}, 'filter[cli]' => FROM,
					'filter[created_at][gte]' => iso($q{since}), 'filter[created_at][lt]' => iso($q{until}));
			},
			found => sub { map { $_->{cld} eq TO && $_->{created_at} =~ /^\d{4}-.*Z$/ ? $_->{uuid} : '?' } @{ $_[0]{data} } },
		},
		bandwidth => {
			send => sub {
				my %t = @_;
				return post_json("/api/v2/users/77/messages", $t{auth} && $basic,
					{ applicationId => 'a', from => FROM, to => [ $t{to} ], text => $t{text},
						tag => $t{ref}, media => $t{media} });
			},
			ok => 202, id => sub { $_[0]{id} }, code => sub { $_[0]{json}{type} },
			busy => [ 429, 'max-message-queue-size-exceeded' ], broken => [ 500, 'internal-server-error' ],
			bad => [ 400, 'request-validation' ], auth => [ 401, 'unauthorized' ], optout => 4775,
			early => [ 403, 403, 'forbidden' ], late => 4750,
			words => [qw(message-sending message-delivered message-failed)],
			read => sub {
				my ($got) = @_;
				my ($event) = @{ decode_json($got->{body}) };
				my $m = $event->{message};
				return { id => $m->{id}, ref => $m->{tag}, status => $event->{type},
					code => $event->{errorCode}, from => $m->{from}, to => $m->{to}[0],
					text => encode('UTF-8', $m->{text}),
					signed => $got->{headers}{authorization} eq
					  'Basic ' . MIME::Base64::encode_base64(HOOKS, '') };
			},
			ask => sub {
				my %q = @_;
				return get_json('/api/v2/users/77/messages', $q{auth} && $basic, sourceTn => FROM,
					destinationTn => $q{to}, fromDateTime => iso($q{since}), toDateTime => iso($q{until}));
			},
			found => sub { map { $_->{destinationTn} eq TO && $_->{receiveTime} =~ /Z$/ ? $_->{messageId} : '?' }
				  @{ $_[0]{messages} } },
		},
		plivo => {
			send => sub {
				my %t = @_;
				return post_json("/v1/Account/MA/Message/", $t{auth} && $basic,
					{ src => bare(FROM), dst => bare($t{to}), text => $t{text}, url => $t{hook},
						media_urls => $t{media} });
			},
			ok => 202, id => sub { $_[0]{message_uuid}[0] }, code => sub { $_[0]{json}{error} },
			busy => [ 429, 'too many requests' ], broken => [ 500, 'internal server error' ],
			bad => [ 400, 'dst parameter is not valid' ], auth => [ 401, 'authentication failed' ],
			optout => 200, early => [ 403, 403, 'refused as configured' ], late => 420,
			words => [qw(sent delivered undelivered)],
			read => sub {
				my ($got) = @_;
				my %f = decode_form($got->{body});
				my $signed = $got->{url} . ($got->{url} =~ /\?/ ? '.' : '?') .
				  join('', map { $_ . $f{$_} } sort keys %f) . '.' .
				  $got->{headers}{'x-plivo-signature-v3-nonce'};
				return { id => $f{MessageUUID}, status => $f{Status}, code => $f{ErrorCode},
					from => "+$f{From}", to => "+$f{To}", text => $f{Text},
					signed => $got->{headers}{'x-plivo-signature-v3'} eq
					  padded(hmac_sha256_base64($signed, 'secret')) };
			},
			ask => sub {
				my %q = @_;
				return get_json('/v1/Account/MA/Message/', $q{auth} && $basic, from_number => bare(FROM),
					to_number => bare($q{to}), message_time__gte => iso($q{since}) =~ tr/T/ /r,
					message_time__lte => iso($q{until}) =~ tr/T/ /r);
			},
			found => sub { map { $_->{to_number} eq bare(TO) && $_->{message_time} =~ /^\S+ \S+\+00:00$/ ? $_->{message_uuid} : '?' }
				  @{ $_[0]{objects} } },
		},
		vonage => {
			send => sub {
				my %t = @_;
				return post_json('/v1/messages', $t{auth} && $basic,
					{ channel => 'sms', message_type => 'text', from => bare(FROM), to => bare($t{to}),
						text => $t{text}, webhook_url => $t{hook}, client_ref => $t{ref} });
			},
			ok => 202, id => sub { $_[0]{message_uuid} },
			code => sub { $_[0]{json}{type} =~ s/.*#//r },
			busy => [ 429, 1010 ], broken => [ 500, 1000 ], bad => [ 422, 1020 ], auth => [ 401, 401 ],
			optout => 1050, early => [ 402, 402, 402 ], late => 1040, words => [qw(submitted delivered rejected)],
			read => sub {
				my ($got) = @_;
				my $m = decode_json($got->{body});
				my ($signed, $signature) = $got->{headers}{authorization} =~ /^Bearer (\S+\.\S+)\.(\S+)$/;
				my $claims = decode_json(unbase64url((split /\./, $signed)[1]));
				return { id => $m->{message_uuid}, ref => $m->{client_ref}, status => $m->{status},
					code => $m->{error}{title}, from => "+$m->{from}", to => "+$m->{to}",
					text => encode('UTF-8', $m->{text} // ''),
					signed => unbase64url($signature) eq hmac_sha256($signed, HOOKS)
					  && $claims->{payload_hash} eq sha256_hex($got->{body})
					  && $claims->{api_key} eq $account && abs($claims->{iat} - time) < 5 };
			},
		},
		kannel => {
			send => sub {
				my %t = @_;
				return $http->get("$url/cgi-bin/sendsms?" . $http->www_form_urlencode([
					$t{auth} ? (username => $account, password => 'secret') : (), from => FROM,
					to => $t{to}, text => $t{text}, charset => 'UTF-8',
					coding => $t{text} =~ /[^\x00-\x7f]/ ? 2 : 0,
					$t{hook} ? ('dlr-mask' => 31, 'dlr-url' => "$t{hook}?t=a%%20b&d=%d&a=%A") : () ]));
			},
			ok => 202, id => sub { undef }, code => sub { $_[0]{content} },
			busy => [ 503, 'Temporal failure, try again later.' ], broken => [ 500, 'Internal error' ],
			bad => [ 400, 'Number(s) has/have been denied by white- and/or black-lists.' ],
			auth => [ 403, 'Authorization failed for sendsms' ], optout => 16,
			early => [ 403, 403, 'Not routable. Do not try again.' ], late => 34, words => [ 8, 1, 34 ],
			inbound => '?t=a%%20b&from=%p&to=%P&text=%b&id=%I&coding=%c&charset=%C',
			read => sub {
				my ($got) = @_;
				my %f = decode_form($got->{path} =~ s/.*\?//r);
				return { id => $f{id}, status => $f{d}, from => $f{from}, to => $f{to}, text => $f{text},
					code => ($f{d} // 0) > 8 ? $f{d} : undef, signed => $f{t} eq 'a b' };
			},
		},
	);
}

1;
