# A daemon of several processes under FCGI::ProcManager. It listens on the socket
# that it inherits as its standard input, or on the one that FCGI_SOCKET_PATH names.
use strict;
use warnings;
use FCGI;
use FCGI::ProcManager;

my $path   = $ENV{FCGI_SOCKET_PATH};
my $socket = $path ? FCGI::OpenSocket($path, 100) : 0;
my %env;
my $flags  = $ENV{STUBBORN} ? 0 : FCGI::FAIL_ACCEPT_ON_INTR;    # accept goes on after a signal
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%env, $socket, $flags);
my $manager = FCGI::ProcManager->new({ n_processes => $ENV{PROCESSES} || 3, pm_title => 'manager' });

$manager->pm_manage;
my $served = 0;
while ($request->Accept >= 0) {
    $manager->pm_pre_dispatch;
    $served++;
    my $body = '';
    read STDIN, $body, $env{CONTENT_LENGTH} if $env{CONTENT_LENGTH};
    select undef, undef, undef, 0.05 if $env{QUERY_STRING} eq 'slow';
    print "Content-Type: text/plain\r\nX-Process: $$\r\nX-Served: $served\r\n\r\n";
    print $env{PATH_INFO} =~ m{/hello$} ? "hello\n" : $body;
    $request->Finish;
    $manager->pm_post_dispatch;
}
