package options

import (
	"errors"
	"strings"
	"testing"
)

// problems loads settings that must be wrong, from a file named as given.
func problems(t *testing.T, args, environ []string, name, text string) Problems {
	t.Helper()
	_, err := Load(args, environ, oneFile(name, text))
	var p Problems
	if !errors.As(err, &p) || len(p) == 0 {
		t.Fatalf("Load(%q, %q) with %q: no problems but %v", args, environ, text, err)
	}
	return p
}

func TestArgumentProblems(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		want   string
	}{
		{"--max-server 3", 64, "--max-server: unknown flag (did you mean --max-servers?)"},
		{"--max-server=3", 64, "--max-server: unknown flag (did you mean --max-servers?)"},
		{"--nothing-like-it", 64, "--nothing-like-it: unknown flag"},
		{"--serialize flock", 64, "--serialize: unknown flag (did you mean --accept?)"},
		{"-max-servers 3", 64, "-max-servers: unknown flag (did you mean --max-servers?)"},
		{"--max_servers=3", 64, "--max_servers: unknown flag (did you mean --max-servers?)"},
		{"-x", 64, "-x: unknown flag"},
		{"--no-clear-env", 64, "--no-clear-env: unknown flag (write --clear-env=false)"},
		{"--demo-faults false", 64, "false: unexpected argument (write --demo-faults=false)"},
		{"php-cgi", 64, "php-cgi: unexpected argument (a program and its arguments stand after --)"},
		{"--program php-cgi", 64, "--program: unknown flag (a program and its arguments stand after --)"},
		{"--", 64, "--: no program follows (-- program args...)"},
		{"--max-servers", 64, "--max-servers: its value is missing (--max-servers N)"},
		{"--pid-file --hup stop", 64, "--pid-file: its value is missing (--pid-file FILE)"},
		{"--drain-delay 5", 64, "--drain-delay: not available in this version"},
		{"--drain-delay=5", 64, "--drain-delay: not available in this version"},
		{"--max-servers many", 64, `--max-servers: "many" is not a whole number (such as 50)`},
		{"--max-servers 1_0", 64, `--max-servers: "1_0" is not a whole number (such as 50)`},
		{"--max-servers -1", 64, "--max-servers: -1 is too small (at least 1)"},
		{"--n-processes 0", 64, "--n-processes: 0, serving without workers, is not available in this version (at least 1)"},
		{"--log-level 5", 64, "--log-level: 5 is out of range (0 to 4)"},
		{"--hup restart", 64, `--hup: "restart" is not one of its values (reload or stop)`},
		{"--mode thread", 64, `--mode: "thread" is not one of its values (emulate or fork)`},
		{"--mode fork --accept classic --concurrency 4", 78, `--concurrency: 4 makes no sense with accept classic (a child serves one connection at a time: concurrency 1)`},
		{"--mode fork --accept any", 64, `--accept: "any" is not one of its values (auto, request, slot, classic, shared, flock, semaphore, pipe or dispatch)`},
		{"--clear-env=maybe", 64, `--clear-env: "maybe" is neither true nor false (true, yes, on, 1 or false, no, off, 0)`},
		{"--request-timeout 5x", 64, `--request-timeout: "5x" is not a duration (such as 30s, 5m or 1h; a plain number is seconds)`},
		{"--request-timeout -5s", 64, `--request-timeout: "-5s" is not a duration (such as 30s, 5m or 1h; a plain number is seconds)`},
		{"--check-for-dead 31", 78, "--check-for-dead: makes no sense in mode emulate (only the children of mode fork can die unnoticed)"},
		{"--max-memory 1m", 78, "--max-memory: makes no sense in mode emulate (only the children of mode fork have memory of their own)"},
		{"--kill-memory 1m", 78, "--kill-memory: makes no sense in mode emulate (only the children of mode fork have memory of their own)"},
		{"--mode fork --kill-memory 1m --max-memory 2m", 78, "--kill-memory: 1m is less than max_memory, 2m by flag --max-memory (at least 2m)"},
		{"--max-body-size 64x", 64, `--max-body-size: "64x" is not a size (such as 65536, 64k, 10m or 1g)`},
		{"--socket-mode 999", 64, `--socket-mode: "999" is not a file mode (octal, 0001 to 0777; in TOML "0660" or 0o660)`},
		{"--env A --mode fork", 64, `--env: "A" is not an assignment (such as NAME=value)`},
		{"--pid-file a\x00b", 64, `--pid-file: "a\x00b" contains a NUL`},
		{"--pid-file a\xff", 64, `--pid-file: "a\xff" is not UTF-8`},
		{"--listen 8080", 64, `--listen: "8080" is not a URL (such as http://127.0.0.1:8080; the length of the kernel's queue is called backlog)`},
		{"--listen localhost:8080", 64, `--listen: "localhost:8080" is not a URL (http://localhost:8080, or fcgi://localhost:8080 for FastCGI)`},
		{"--listen http://localhost", 64, `--listen: "http://localhost" has no port (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://:http", 64, `--listen: "http://:http": the port "http" is not a number from 0 to 65535 (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://:65536", 64, `--listen: "http://:65536": the port "65536" is not a number from 0 to 65535 (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://a/b:1", 64, `--listen: "http://a/b:1": "a/b" is not a host (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http+unix://x", 64, `--listen: "http+unix://x" has no absolute path (such as http+unix:///run/bident.sock, with three slashes)`},
		{"--listen https://:443", 78, `--listen: "https://:443" needs a certificate (tls_cert names a file; with acme_host one is obtained)`},
		{"--listen https://localhost", 64, `--listen: "https://localhost" has no port (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen fcgis://:9000", 64, `--listen: "fcgis://:9000" has an unknown scheme (such as fcgi://127.0.0.1:9005 or fcgi+unix:///run/bident.sock)`},
		{"--listen fcgi://localhost", 64, `--listen: "fcgi://localhost" has no port (such as fcgi://127.0.0.1:9005 or fcgi+unix:///run/bident.sock)`},
		{"--listen fcgi://:php", 64, `--listen: "fcgi://:php": the port "php" is not a number from 0 to 65535 (such as fcgi://127.0.0.1:9005 or fcgi+unix:///run/bident.sock)`},
		{"--listen fcgi:9005", 64, `--listen: "fcgi:9005" is not a URL (such as fcgi://127.0.0.1:9005 or fcgi+unix:///run/bident.sock)`},
		{"--listen :9005", 64, `--listen: ":9005" is not a URL (http://:9005, or fcgi://:9005 for FastCGI)`},
		{"--listen fcgi+fd://x", 64, `--listen: "fcgi+fd://x": "x" is not the number of a descriptor (such as fcgi+fd://0)`},
		{"--listen http+systemd://", 64, `--listen: "http+systemd://": "" is not the name of a socket (such as http+systemd://web, one of LISTEN_FDNAMES)`},
		{"--admin fcgi://:9000", 64, `--admin: "fcgi://:9000": status and ctl speak HTTP, at an address of their own (http+unix:///path, http://127.0.0.1:port or off)`},
		{"--listen https+unix:///a", 64, `--listen: "https+unix:///a" has an unknown scheme (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen gopher://:70", 64, `--listen: "gopher://:70" has an unknown scheme (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--upstream 9000", 64, `--upstream: "9000" is not a URL (such as fcgi://127.0.0.1:9000 or fcgi+unix:///run/php/php-fpm.sock)`},
		{"--upstream fcgi://:9000", 64, `--upstream: "fcgi://:9000" needs a host and a port to connect to (such as fcgi://127.0.0.1:9000 or fcgi+unix:///run/php/php-fpm.sock)`},
		{"--upstream fcgi://localhost", 64, `--upstream: "fcgi://localhost" has no port (such as fcgi://127.0.0.1:9000 or fcgi+unix:///run/php/php-fpm.sock)`},
		{"--upstream fcgi+unix://run/x", 64, `--upstream: "fcgi+unix://run/x" has no absolute path (such as fcgi://127.0.0.1:9000 or fcgi+unix:///run/php/php-fpm.sock, with three slashes)`},
		{"--upstream http://localhost:80", 64, `--upstream: "http://localhost:80" has an unknown scheme (such as fcgi://127.0.0.1:9000 or fcgi+unix:///run/php/php-fpm.sock)`},
		{"--upstream-keep 5s", 78, "--upstream-keep: makes no sense without upstream (it is for the connections to one)"},
		{"--upstream fcgi://a:1 --mode fork", 78, "--mode: fork makes no sense with an upstream (its processes are started by somebody else: mode emulate)"},
		{"--upstream fcgi://a:1 -- php-cgi", 78, "--upstream: an upstream and a program are given, but only one can answer (leave out one of them: an upstream's processes are started by somebody else)"},
		{"--upstream fcgi://a:1 --app demo", 78, "--app: an application and an upstream are given, but only one can be served (leave out one of them)"},
		{"--upstream fcgi://a:1 --accept slot", 78, "--accept: makes no sense in mode emulate (slot needs mode fork)"},
		{"--admin on", 64, `--admin: "on" is not a URL (http+unix:///path, http://127.0.0.1:port or off)`},
		{"--admin https://:1", 64, `--admin: "https://:1": status and ctl do not reach the server by https (http+unix:///path, http://127.0.0.1:port or off)`},
		{"--index a/b", 64, `--index: "a/b" is not the name of a file without its directory (such as index.html)`},
		{"--index=", 64, `--index: "" is not the name of a file without its directory (such as index.html)`},
		{"--tls-cert=", 64, "--tls-cert: the name of the file is empty"},
		{"--tls-min-version 1.1", 64, `--tls-min-version: "1.1" is not one of its values (1.2 or 1.3)`},
		{"--https-port 0", 64, "--https-port: 0 is out of range (1 to 65535)"},
		{"--https-port 65536", 64, "--https-port: 65536 is out of range (1 to 65535)"},
		{"--acme-host *.example.com", 64, `--acme-host: "*.example.com": certificates for wildcards are not obtained by the server (a host name, such as www.example.com)`},
		{"--acme-host [::1]", 64, `--acme-host: "[::1]" is an address (a host name, such as www.example.com)`},
		{"--acme-host localhost", 64, `--acme-host: "localhost" is not a host name with a domain (such as www.example.com; international names as xn--...)`},
		{"--acme-host a..b", 64, `--acme-host: "a..b" is not a host name with a domain (such as www.example.com; international names as xn--...)`},
		{"--acme-email me", 64, `--acme-email: "me" is not a mail address (such as admin@example.com)`},
		{"--acme-directory http://ca/", 64, `--acme-directory: "http://ca/" is not an https URL (such as https://ca.example.com/directory)`},
		{"--allow (a", 64, `--allow: "(a" is not a regular expression: missing closing ) (such as 192\.0\.2\..* or .*\.example\.com, in the syntax of RE2)`},
		{"--deny (?!a)", 64, `--deny: "(?!a)" is not a regular expression: invalid or unsupported Perl syntax (such as 192\.0\.2\..* or .*\.example\.com, in the syntax of RE2)`},
		{"--allow=", 64, "--allow: an empty expression matches nothing (leave it out, or write .* for everybody)"},
		{"--deny 10.1.0.0/8", 64, `--deny: "10.1.0.0/8" is a network, not a regular expression (write it under cidr_deny, as 10.0.0.0/8)`},
		{"--cidr-allow 10.0.0.0/33", 64, `--cidr-allow: "10.0.0.0/33" is not a network (such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32)`},
		{"--cidr-deny 10.0.0", 64, `--cidr-deny: "10.0.0" is neither a network nor an address (such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32)`},
		{"--cidr-deny fe80::1%eth0", 64, `--cidr-deny: "fe80::1%eth0" has a zone, which does not count (such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32)`},
		{"--trusted-proxy lo", 64, `--trusted-proxy: "lo" is neither a network nor an address (such as 192.0.2.1, 10.0.0.0/8, loopback, private, unix or forwarded)`},
		{"--max-header-size 1023", 64, "--max-header-size: 1023 is too small (at least 1k)"},
		{"--max-header-size 0", 64, "--max-header-size: 0 is too small (at least 1k)"},
		{"--max-header-size 1025m", 64, "--max-header-size: 1025m is too large (at most 1g)"},
		{"--body-memory 0", 64, "--body-memory: 0 is too small (at least 1)"},
		{"--max-connections-per-address -1", 64, "--max-connections-per-address: -1 is too small (at least 0)"},
		{"--user=a:b", 64, `--user: "a:b" is not a name or number (such as www-data or 33)`},
		{"--groups=", 64, "--groups: the name of the group is empty"},
		{"--chroot srv", 64, `--chroot: "srv" is not an absolute path (such as /srv/www)`},
		{"--umask 1000", 64, `--umask: "1000" is not a umask (octal, 000 to 777, in TOML in quotes)`},
		{"--cpus 3-2", 64, `--cpus: "3-2" is not a list of processors (such as 0,2-3; numbers up to 1023)`},
		{"--cpus 1024", 64, `--cpus: "1024" is not a list of processors (such as 0,2-3; numbers up to 1023)`},
		{"--nice 20", 64, "--nice: 20 is out of range (-20 to 19)"},
		{"--cgroup-cpu-max NaN", 64, `--cgroup-cpu-max: "NaN" is not a number of processors (such as 0.5; at least 0.01)`},
		{"--timeout-idle 5", 64, "--timeout-idle: unknown flag (did you mean --idle-timeout?)"},
		{"--no-proxy-protocol", 64, "--no-proxy-protocol: unknown flag (write --proxy-protocol=false)"},
		{"--config none.toml", 78, `--config: cannot read "none.toml": file does not exist`},

		{"--max-servers 4 --n-processes 3", 78, "--n-processes: n_processes 3 contradicts max_servers 4 (they are two names of one setting)"},
		{"--min-servers 60", 78, "--min-servers: 60 is more than max_servers, 50 by default (at most 50)"},
		{"--min-servers 6 --max-servers 5", 78, "--min-servers: 6 is more than max_servers, 5 by flag --max-servers (at most 5)"},
		{"--start-servers 51", 78, "--start-servers: 51 is more than max_servers, 50 by default (at most 50)"},
		{"--start-servers 3 --min-servers 4", 78, "--start-servers: 3 is less than min_servers, 4 by flag --min-servers (at least 4)"},
		{"--max-servers 3 --max-unavailable 3", 78, "--max-unavailable: 3 is not less than max_servers, 3 by flag --max-servers (at most 2)"},
		{"--max-requests-jitter 1000", 78, "--max-requests-jitter: 1000 is not less than max_requests, 1000 by default (at most 999)"},
		{"--min-spare-servers 51", 78, "--min-spare-servers: 51 is more than max_servers, 50 by default (at most 50)"},
		{"--min-spare-servers 4 --max-spare-servers 3", 78, "--min-spare-servers: 4 is more than max_spare_servers, 3 by flag --max-spare-servers (at most 3)"},
		{"--max-surge 0", 78, "--max-surge: with max_surge 0 and max_unavailable 0 no worker could ever be replaced (one of them at least 1)"},
		{"--gomaxprocs 2", 78, "--gomaxprocs: makes no sense in mode emulate (it is for each child of mode fork; the server heeds the variable GOMAXPROCS)"},
		{"--accept slot", 78, "--accept: makes no sense in mode emulate (slot needs mode fork)"},
		{"--per-request", 78, "--per-request: makes no sense in mode emulate (its children are processes: mode fork)"},
		{"--per-request -- x", 78, "--per-request: makes no sense with a program (it is for applications that are built in, and Go handlers)"},
		{"--per-request --mode fork --accept slot", 78, "--per-request: makes no sense with accept slot (auto or dispatch: the parent passes each connection to its child)"},
		{"--per-request --mode fork --concurrency 2", 78, "--per-request: makes no sense with concurrency 2 (a child serves one connection: concurrency 1)"},
		{"--lock-file /l", 78, "--lock-file: makes no sense in mode emulate (it is for accept flock of mode fork)"},
		{"--lock-file /l --mode fork --accept pipe", 78, "--lock-file: makes no sense with accept pipe (it is for accept flock)"},
		{"--clear-env", 78, "--clear-env: makes no sense in mode emulate (only the children of mode fork have an environment of their own)"},
		{"--env A=1", 78, "--env: makes no sense in mode emulate (only the children of mode fork have an environment of their own)"},
		{"--accept slot -- x", 78, "--accept: slot makes no sense with a program (auto or request: the server accepts for the program)"},
		{"--gomaxprocs 2 -- x", 78, "--gomaxprocs: makes no sense with a program (env GOMAXPROCS=2 tells a program in Go)"},
		{"--nice 5", 78, "--nice: makes no sense in mode emulate (only the children of mode fork can have it)"},
		{"--rlimit-as 1g", 78, "--rlimit-as: makes no sense in mode emulate (only the children of mode fork can have it)"},
		{"--cpus 0", 78, "--cpus: makes no sense in mode emulate (only the children of mode fork can have it)"},
		{"--no-new-privs", 78, "--no-new-privs: makes no sense in mode emulate (only the children of mode fork can have it)"},
		{"--mode fork --cgroup-memory-max 1g", 78, "--cgroup-memory-max: makes no sense without cgroup (it names the directory in which workers get groups)"},
		{"--mode emulate -- x", 78, "--mode: a program cannot be served in mode emulate (its workers are processes: mode fork)"},
		{"--app demo -- x", 78, "--app: an application and a program are given, but only one can be served (leave out one of them)"},
		{"--demo-faults -- x", 78, "--demo-faults: makes no sense with a program (it is a setting of the demo)"},
		{"--app shop", 78, `--app: there is no application "shop" (demo is the one that is built in)`},
		{"--app=", 78, "--app: nothing to serve (demo, files below --root, or a program after --)"},

		{"--cgi", 78, "--cgi: there is no program (bident serve --cgi -- program args..., or --cgi-bin DIR for a directory of scripts)"},
		{"--cgi-bin a -- x", 78, "--cgi-bin: a directory of scripts and a program are given, but only one can be served (leave out one of them)"},
		{"--cgi-bin a --app demo", 78, "--app: an application and a directory of scripts are given, but only one can be served (leave out one of them)"},
		{"--cgi-bin a --mode fork --upstream fcgi://h:1", 78, "--cgi-bin: a directory of scripts and an upstream are given, but only one can be served (leave out one of them)\n--mode: fork makes no sense with an upstream (its processes are started by somebody else: mode emulate)"},
		{"--cgi-bin a --demo-faults", 78, "--demo-faults: makes no sense with a directory of scripts (it is a setting of the demo)"},
		{"--cgi-bin a --mode emulate", 78, "--mode: a program cannot be served in mode emulate (its workers are processes: mode fork)"},
		{"--cgi-bin a --accept slot", 78, "--accept: slot makes no sense with a program (auto or request: the server accepts for the program)"},
		{"--cgi-bin a --match b", 78, "--match: makes no sense without a program (it is about what the program answers)"},
		{"--cgi-prefix /a/", 78, "--cgi-prefix: makes no sense without cgi_bin (it is what that directory stands for)"},
		{"--cgi-bin a --cgi-prefix a", 64, `--cgi-prefix: "a" is not a path that begins and ends with a slash (such as /cgi-bin/)`},
		{"--cgi-bin a --cgi-prefix /a/../", 64, `--cgi-prefix: "/a/../" is not a path that begins and ends with a slash (such as /cgi-bin/)`},
		{"--cgi-bin a --cgi-prefix / --root b", 78, "--cgi-prefix: / makes no sense with root (the files would never be served: leave out one of them)"},
		{"--cgi-bin b/a --root b --cgi-prefix /cgi/", 78, "--cgi-bin: the directory is in root, whose files anybody may read: so would its scripts be, at /a/ (put it elsewhere, or let cgi_prefix be that path)"},
		{"--cgi --max-memory 1g -- x", 78, "--max-memory: makes no sense with CGI (a process of its own does each request: rlimit_as limits its memory)"},
		{"--match ( -- x", 64, `--match: "(" is no regular expression: missing closing ): "(" (such as ^/app/ or \.php$)`},
		{"--match a", 78, "--match: makes no sense without a program (it is about what the program answers)"},
		{"--script a --root b", 78, "--script: makes no sense without a program (it is about what the program answers)"},
		{"--fallback index.php", 64, `--fallback: "index.php" is not the path of a file below root (such as /index.php)`},
		{"--fallback /../index.php", 64, `--fallback: "/../index.php" is not the path of a file below root (such as /index.php)`},
		{"--fallback /index.php -- x", 78, "--fallback: makes no sense without root (it is for a program with a directory)"},
		{"--sendfile-root a -- x", 78, "--sendfile-root: makes no sense without root (it is for a program with a directory)"},
		{"--root a --fallback /index.php --script b -- x", 78, "--fallback: makes no sense with script (that answers where there is nothing)"},
		{"--root a --sendfile-root= -- x", 64, "--sendfile-root: the name of the directory is empty"},
		{"--root a --app demo", 78, "--app: an application and files are given, but only one can be served (leave out one of them)"},
		{"--root a --demo-faults", 78, "--demo-faults: makes no sense with files (it is a setting of the demo)"},
		{"--index a.html", 78, "--index: makes no sense without root (it is what stands for a directory of files)"},
		{"--tls-cert a", 78, "--tls-cert: makes no sense without an address for https (such as https://:443 in listen)"},
		{"--acme-host a.example --acme-cache b", 78, "--acme-host: makes no sense without an address for https (such as https://:443 in listen)"},
		{"--tls-min-version 1.3", 78, "--tls-min-version: makes no sense without an address for https (such as https://:443 in listen)"},
		{"--redirect-https", 78, "--redirect-https: makes no sense without an address for https (such as https://:443 in listen)"},
		{"--redirect-https --listen https://:1 --tls-cert a", 78, "--redirect-https: there is no address for http that could redirect (such as http://:80 in listen)"},
		{"--https-port 1", 78, "--https-port: makes no sense without redirect_https (it is the port that clients are redirected to)"},
		{"--listen https://:1 --tls-cert a --tls-cert b --tls-key c", 78, "--tls-key: the number of keys, 1, is not that of certificates, 2 (a key for each tls_cert, in the same order, or none if they are in the same files)"},
		{"--tls-key c", 78, "--tls-key: the number of keys, 1, is not that of certificates, 0 (a key for each tls_cert, in the same order, or none if they are in the same files)"},
		{"--listen https://:1 --acme-host a.example", 78, "--acme-host: certificates that are obtained need a place to be kept (acme_cache names a directory)"},
		{"--acme-email a@b", 78, "--acme-email: makes no sense without acme_host (acme_host names what certificates are obtained for)"},
		{"--acme-cache a", 78, "--acme-cache: makes no sense without acme_host (acme_host names what certificates are obtained for)"},
		{"--acme-directory https://a", 78, "--acme-directory: makes no sense without acme_host (acme_host names what certificates are obtained for)"},
		{"--listen https://:1 --acme-host a.example --acme-cache b --mode fork --accept slot", 78, "--acme-host: workers that accept for themselves cannot obtain certificates (accept request, or tls_cert)"},
		{"--listen https://:1 --acme-host a.example --acme-cache b --mode fork --concurrency 2", 78, "--acme-host: workers that accept for themselves cannot obtain certificates (accept request, or tls_cert)"},
		{"--trusted-proxy forwarded", 78, "--trusted-proxy: forwarded names the field that proxies write, but no proxy (an address, a network, loopback, private or unix as well)"},
		{"--proxy-protocol", 78, "--proxy-protocol: there is no proxy whose word is taken (trusted_proxy names them)"},
		{"--proxy-protocol --trusted-proxy loopback --listen fcgi://:1", 78, "--proxy-protocol: makes no sense if listen has nothing but addresses for FastCGI (web servers tell who the client is by REMOTE_ADDR)"},
		{"--web-server ::1 --listen fcgi+unix:///x --listen http://:1", 78, "--web-server: makes no sense if listen has nothing but UNIX sockets for FastCGI (their clients have no address: see socket_mode)"},
		{"--backlog 5 --listen http+fd://3", 78, "--backlog: makes no sense if listen has nothing but sockets that listen already (whoever made them says how many may wait)"},
		{"-- /usr/bin/php-cgi8.2", 78, "--: /usr/bin/php-cgi8.2 has no script to run for clients of http://127.0.0.1:8080 (root DIR for a directory of scripts, script FILE for one, or nothing but addresses for FastCGI, where web servers name them)"},
		{"--listen fcgi://:1 --listen http://:2 -- php-cgi", 78, "--: php-cgi has no script to run for clients of http://:2 (root DIR for a directory of scripts, script FILE for one, or nothing but addresses for FastCGI, where web servers name them)"},
		{"--listen fcgi://:1 --cgi -- php-cgi", 78, "--: php-cgi has no script to run (root DIR for a directory of scripts, or script FILE for one)"},
		{"--limit-extensions .php -- perl", 78, "--limit-extensions: makes no sense without a program that is PHP's (php-cgi, or another program whose name begins with php)"},
		{"--limit-extensions .php --root a -- php-cgi", 78, "--limit-extensions: makes no sense with root (match says which of its files are scripts)"},
		{"--limit-extensions .php --script a -- php-cgi", 78, "--limit-extensions: makes no sense with script (that is what is run)"},
		{"--limit-extensions .php --limit-extensions * -- php-cgi --listen fcgi://:1", 78, "--limit-extensions: has * beside others (* permits every name, and stands alone)"},
		{"--limit-extensions= -- php-cgi", 64, `--limit-extensions: "" is not the end of the name of a file (such as .php)`},
		{"--param A=b", 78, "--param: makes no sense without a program (it is for a program after --, cgi_bin or upstream)"},
		{"--param A --upstream fcgi://a:1", 78, `--param: "A" is not a parameter with its value (such as GITWEB_CONFIG=/etc/gitweb.conf)`},
		{"--param A-B=1 --param 1A= -- x", 78, `--param: "A-B" is not the name of a parameter (letters, digits and _, not beginning with a digit, such as GITWEB_CONFIG)` + "\n" +
			`--param: "1A" is not the name of a parameter (letters, digits and _, not beginning with a digit, such as GITWEB_CONFIG)`},
		{"--param CONTENT_LENGTH=1 --cgi-bin x", 78, "--param: CONTENT_LENGTH belongs to the body of each request (leave it out: a program would wait for what never comes)"},
		{"--access-log-format json", 78, "--access-log-format: there is no access log (access_log names its file)"},
	} {
		p := problems(t, strings.Split(test.args, " "), nil, "", "")
		if p.Error() != test.want || p.ExitStatus() != test.status {
			t.Errorf("%s:\n got %d %s\nwant %d %s", test.args, p.ExitStatus(), p, test.status, test.want)
		}
	}
}

func TestEnvironmentProblems(t *testing.T) {
	for variable, want := range map[string]string{
		"BIDENT_MAX_SERVER=3":     "BIDENT_MAX_SERVER: unknown setting (did you mean BIDENT_MAX_SERVERS?)",
		"BIDENT_MAX_SERVER=":      "BIDENT_MAX_SERVER: unknown setting (did you mean BIDENT_MAX_SERVERS?)",
		"BIDENT_max_servers=3":    "BIDENT_max_servers: unknown setting (names are in capitals)",
		"BIDENT_=3":               "BIDENT_: unknown setting",
		"BIDENT_DRAIN_DELAY=5":    "BIDENT_DRAIN_DELAY: not available in this version",
		"BIDENT_CIDR_DENY=::1,x":  `BIDENT_CIDR_DENY: "x" is neither a network nor an address (such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32)`,
		"BIDENT_DENY=a{3,1}":      `BIDENT_DENY: "a{3,1}" is not a regular expression: invalid repeat count (such as 192\.0\.2\..* or .*\.example\.com, in the syntax of RE2)`,
		"BIDENT_TLS_CERT=a":       "BIDENT_TLS_CERT: makes no sense without an address for https (such as https://:443 in listen)",
		"BIDENT_SSL_CERT_FILE=a":  "BIDENT_SSL_CERT_FILE: unknown setting",
		"BIDENT_MAX_SERVERS=many": `BIDENT_MAX_SERVERS: "many" is not a whole number (such as 50)`,
		"BIDENT_ENV=A=1,B":        `BIDENT_ENV: "B" is not an assignment (such as NAME=value)`,
		"BIDENT_ACCEPT=slot":      "BIDENT_ACCEPT: makes no sense in mode emulate (slot needs mode fork)",
		"BIDENT_CONFIG=none":      `BIDENT_CONFIG: cannot read "none": file does not exist`,
	} {
		p := problems(t, nil, []string{variable}, "", "")
		if p.Error() != want || p.ExitStatus() != 78 {
			t.Errorf("%s:\n got %d %s\nwant 78 %s", variable, p.ExitStatus(), p, want)
		}
	}
}

func TestFileProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a.toml", "\n\nmax_server = 3", `a.toml:3: unknown key "max_server" (did you mean "max_servers"?)`},
		{"a.toml", "port = 80", `a.toml:1: unknown key "port" (did you mean "listen"?)`},
		{"a.toml", "a.b = 80", `a.toml:1: unknown key "a.b"`},
		{"a.toml", "\"a\\nb\" = 80", `a.toml:1: unknown key "a\nb"`},
		{"a.toml", "# x\n[server]\nmax_servers = 3", `a.toml:2: unknown table "server" (settings stand outside of tables)`},
		{"a.toml", "[[server]]", `a.toml:1: unknown table "server" (settings stand outside of tables)`},
		{"a.toml", "drain_delay = '/'", "a.toml:1: drain_delay: not available in this version"},
		{"a.toml", "cidr_allow = [\n'::1',\n'x']", `a.toml:1: cidr_allow: "x" is neither a network nor an address (such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32)`},
		{"a.toml", "\nallow = ['a', '*\\n']", `a.toml:2: allow: "*\\n" is not a regular expression: missing argument to repetition operator (such as 192\.0\.2\..* or .*\.example\.com, in the syntax of RE2)`},
		{"a.toml", "tls_min_version = 1.3", `a.toml:1: tls_min_version: 1.3 is not a string (such as "text", in quotes)`},
		{"a.toml", "tls_cert = 'a'", `a.toml:1: tls_cert: the string "a" is not an array of strings (such as ["text"])`},
		{"a.toml", "\nlisten = ['http://:1', 'https://:2']", `a.toml:2: listen: "https://:2" needs a certificate (tls_cert names a file; with acme_host one is obtained)`},
		{"a.toml", "index = []", "a.toml:1: index: makes no sense without root (it is what stands for a directory of files)"},
		{"a.toml", "root = 'a'\nindex = []", "a.toml:2: index: there is no name that could stand for a directory (leave it out for index.html)"},
		{"a.toml", "root = 'a'\napp = 'demo'", "a.toml:2: app: an application and files are given, but only one can be served (leave out one of them)"},
		{"a.toml", "root = 'a'\nfallback = '/x'", "a.toml:2: fallback: makes no sense without a program (it is about what the program answers)"},
		{"a.toml", "config = 'b.toml'", "a.toml:1: config: a file cannot name another (give it as flag or in the environment)"},
		{"a.toml", "queue_size = 1\nhup = 'stop'\nqueue_size = 2", "a.toml:3: queue_size: is set twice (first in line 1)"},
		{"a.toml", "max_servers = 1\nn_processes = 2", "a.toml:2: n_processes 2 contradicts max_servers 1 (they are two names of one setting)"},
		{"a.toml", "n_processes = 0", "a.toml:1: n_processes: 0, serving without workers, is not available in this version (at least 1)"},
		{"a.toml", "max_servers = '50'", `a.toml:1: max_servers: the string "50" is not a whole number (such as 50, without quotes)`},
		{"a.toml", "max_servers = 5.0", "a.toml:1: max_servers: 5.0 is not a whole number (such as 50)"},
		{"a.toml", "max_servers = 99999999999999999999", "a.toml:1: not valid TOML: "},
		{"a.toml", "max_servers = [5]", "a.toml:1: max_servers: an array is not a whole number (such as 50)"},
		{"a.toml", "max_servers = {a = 1}", "a.toml:1: max_servers: a table is not a whole number (such as 50)"},
		{"a.toml", "start_delay = 1979-05-27", "a.toml:1: start_delay: a date or time is not a duration (such as 30s, 5m or 1h; a plain number is seconds)"},
		{"a.toml", "start_delay = inf", "a.toml:1: start_delay: inf is not a duration (such as 30s, 5m or 1h; a plain number is seconds)"},
		{"a.toml", "max_body_size = 1.5", "a.toml:1: max_body_size: 1.5 is not a size (such as 65536, 64k, 10m or 1g)"},
		{"a.toml", "max_body_size = -1", "a.toml:1: max_body_size: -1 is not a size (such as 65536, 64k, 10m or 1g)"},
		{"a.toml", "socket_mode = 660", `a.toml:1: socket_mode: 660 is not a file mode (octal, 0001 to 0777; in TOML "0660" or 0o660)`},
		{"a.toml", "demo_faults = 'true'", `a.toml:1: demo_faults: the string "true" is not true or false (such as true, without quotes)`},
		{"a.toml", "pid_file = 1", `a.toml:1: pid_file: 1 is not a string (such as "text", in quotes)`},
		{"a.toml", "listen = 'http://:1'", `a.toml:1: listen: the string "http://:1" is not an array of strings (such as ["text"])`},
		{"a.toml", "listen = [1]", `a.toml:1: listen: 1 is not a string (such as "text", in quotes)`},
		{"a.toml", "listen = []", "a.toml:1: listen: there is no address to serve on (leave it out for http://127.0.0.1:8080)"},
		{"a.toml", "program = ['']", "a.toml:1: program: the name of the program is empty"},
		{"a.toml", "accept = 'tube'", `a.toml:1: accept: "tube" is not one of its values (auto, request, slot, classic, shared, flock, semaphore, pipe or dispatch)`},
		{"a.toml", "\nmin_servers = 60", "a.toml:2: min_servers: 60 is more than max_servers, 50 by default (at most 50)"},
		{"a.toml", "\nmax_servers = ", "a.toml:2: not valid TOML: "},
		{"a.toml", "max_servers = 1\n\nhup 'stop'", "a.toml:3: not valid TOML: "},
		{"a.toml", "hup = 'st\xffop'", "a.toml:1: not valid TOML: "},

		{"a.conf", "\n# x\nmax_server 3", `a.conf:3: unknown key "max_server" (did you mean "max_servers"?)`},
		{"a.conf", "port 80", `a.conf:1: unknown key "port" (did you mean "listen"?)`},
		{"a.conf", "max_dequeue 1", "a.conf:1: max_dequeue: not available in this version"},
		{"a.conf", "allow .*\ndeny [a", `a.conf:2: deny: "[a" is not a regular expression: missing closing ] (such as 192\.0\.2\..* or .*\.example\.com, in the syntax of RE2)`},
		{"a.conf", "cidr_deny 10.0.0.0/8\ncidr_deny 10.0.0.0/", `a.conf:2: cidr_deny: "10.0.0.0/" is not a network (such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32)`},
		{"a.conf", "trusted_proxy private\ntrusted_proxy any", `a.conf:2: trusted_proxy: "any" is neither a network nor an address (such as 192.0.2.1, 10.0.0.0/8, loopback, private, unix or forwarded)`},
		{"a.conf", "SSL_key_file x", `a.conf:1: unknown key "SSL_key_file" (did you mean "tls_key"?)`},
		{"a.conf", "access_log_file x", `a.conf:1: unknown key "access_log_file" (did you mean "access_log"?)`},
		{"a.conf", "access_log_format %h %r", `a.conf:1: access_log_format: a value is one word, but "%r" follows (a file named *.toml can have strings with spaces)`},
		{"a.conf", "conf_file x", "a.conf:1: conf_file: a file cannot name another (give it as flag or in the environment)"},
		{"a.conf", "pid_file", "a.conf:1: pid_file: its value is missing"},
		{"a.conf", "pid_file =", "a.conf:1: pid_file: its value is missing"},
		{"a.conf", "pid_file # none", "a.conf:1: pid_file: its value is missing"},
		{"a.conf", "pid_file a b", `a.conf:1: pid_file: a value is one word, but "b" follows (a file named *.toml can have strings with spaces)`},
		{"a.conf", "[server]", `a.conf:1: "[server]" is not a key and a value (such as max_servers 50; comments begin with #)`},
		{"a.conf", "max-servers 5", `a.conf:1: "max-servers 5" is not a key and a value (such as max_servers 50; comments begin with #)`},
		{"a.conf", "hup stop\nhup reload", "a.conf:2: hup: is set twice (first in line 1)"},
		{"a.conf", "max_servers many", `a.conf:1: max_servers: "many" is not a whole number (such as 50)`},
		{"a\nb", "max_servers many", `"a\nb":1: max_servers: "many" is not a whole number (such as 50)`},
	} {
		p := problems(t, []string{"--config", test.name}, nil, test.name, test.text)
		got := p.Error()
		if strings.HasSuffix(test.want, "TOML: ") && strings.HasPrefix(got, test.want) && len(p) == 1 {
			got = test.want // the words are the parser's
		}
		if got != test.want || p.ExitStatus() != 78 {
			t.Errorf("%s %q:\n got %d %s\nwant 78 %s", test.name, test.text, p.ExitStatus(), p, test.want)
		}
	}
}

func TestAllProblemsAreReported(t *testing.T) {
	p := problems(t, []string{"--max-srvers", "7", "--drain-delay=x", "--queue-size", "x", "--gomaxprocs=2", "--config", "a.toml"},
		[]string{"BIDENT_LOG_LEVEL=9", "BIDENT_DEQUEUE_COMMAND=x"}, "a.toml", "max_server = 2\nqueue_size = '10'\nhup = 'x'\n")
	want := `--max-srvers: unknown flag (did you mean --max-servers?)
--drain-delay: not available in this version
BIDENT_DEQUEUE_COMMAND: not available in this version
a.toml:1: unknown key "max_server" (did you mean "max_servers"?)
a.toml:2: queue_size: the string "10" is not a whole number (such as 50, without quotes)
a.toml:3: hup: "x" is not one of its values (reload or stop)
BIDENT_LOG_LEVEL: 9 is out of range (0 to 4)
--queue-size: "x" is not a whole number (such as 50)
--gomaxprocs: makes no sense in mode emulate (it is for each child of mode fork; the server heeds the variable GOMAXPROCS)`
	if p.Error() != want || p.ExitStatus() != ExitUsage {
		t.Errorf("got %d\n%s\nwant %d\n%s", p.ExitStatus(), p, ExitUsage, want)
	}
}

// A malformed limit must not be followed by contradictions with the default
// that stands in for it.
func TestNoConsequentialProblems(t *testing.T) {
	for _, args := range []string{
		"--max-servers=x --min-servers=60",
		"--mode=x --gomaxprocs=2",
		"--max-surge=0 --max-unavailable=x",
		"--n-processes=x --max-servers=3",
		"--listen=https://:1 --tls-cert=",
		"--listen=https://:1 --acme-host=x",
		"--listen=gopher://:1 --tls-cert=a",
		"--listen=https://:1 --tls-cert=a --tls-cert= --tls-key=b",
		"--proxy-protocol --trusted-proxy=x",
		"--redirect-https=x --https-port=1",
		"--index=a/b --root=a",
	} {
		if p := problems(t, strings.Fields(args), nil, "", ""); len(p) != 1 {
			t.Errorf("%s: %s", args, p)
		}
	}
}

func TestEveryNotBuiltNameIsRefused(t *testing.T) {
	for name := range notBuilt {
		if p := problems(t, []string{flagName(name)}, nil, "", ""); p.Error() != flagName(name)+": not available in this version" || p.ExitStatus() != 64 {
			t.Errorf("%s: %s", name, p)
		}
		if p := problems(t, nil, []string{envName(name) + "=1"}, "", ""); p.ExitStatus() != 78 {
			t.Errorf("%s: %s", name, p)
		}
	}
}

func TestProblemOfASettingInUse(t *testing.T) {
	s := load(t, []string{"--config=a.toml", "--pid-file=p"}, []string{"BIDENT_LOG_FILE=l"}, "a.toml", "\naccess_log = 'a'")
	for key, want := range map[string]string{
		"pid_file":   "--pid-file: is bad (good)",
		"log_file":   "BIDENT_LOG_FILE: is bad (good)",
		"access_log": "a.toml:2: access_log: is bad (good)",
		"root":       "default: is bad (good)",
	} {
		p := s.Problem(key, "is bad", "good")
		if p.String() != want || p.Usage {
			t.Errorf("%s: %q, usage %v, want %q", key, p, p.Usage, want)
		}
	}
}
