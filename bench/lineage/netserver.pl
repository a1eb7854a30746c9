#!/usr/bin/perl
# The peers' answer from Net::Server::PreFork, in its usual way: each child accepts
# a connection and serves it alone until it ends.
#
# usage: netserver.pl PORT CHILDREN
use strict;
use warnings;

package Hello;
use base 'Net::Server::PreFork';

sub process_request {
	my $client = $_[0]{server}{client};
	my $in = '';
	while (sysread $client, $in, 65536, length $in) {
		while ($in =~ s/\A(.*?)\r\n\r\n//s) {
			my $close = $1 =~ /^connection:[^\r\n]*close/im;
			syswrite $client, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
				. ($close ? "Connection: close\r\n" : '') . "\r\nhello\n";
			return if $close;
		}
	}
}

Hello->run(
	host => '127.0.0.1', port => $ARGV[0], ipv => 4, log_level => 0, listen => 4096,
	min_servers => $ARGV[1], max_servers => $ARGV[1] + 1, min_spare_servers => 1, max_spare_servers => $ARGV[1],
	max_requests => 1_000_000_000,
);
