# A script for CGI::Fast: one process, many requests.
use strict;
use warnings;
use CGI::Fast;

my $served = 0;
while (my $q = CGI::Fast->new) {
    $served++;
    if ($q->path_info eq '/die') {
        exit 7;
    }
    my $file = $q->upload('file');
    print $q->header(-type => 'text/plain', -cookie => $q->cookie(-name => 'a', -value => 'b'), -x_served => $served);
    print "pid $$\n";
    print 'method ', $q->request_method, "\n";
    print "$_=", join(',', $q->multi_param($_)), "\n" for sort grep { $_ ne 'file' } $q->multi_param;
    if ($file) {
        local $/;
        my $content = <$file>;
        print 'file ', length $content, ' ', unpack('%32C*', $content), "\n";
    }
    print STDERR "served ", $q->path_info, "\n" if $q->path_info eq '/complain';
}
