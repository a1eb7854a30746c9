# Contenders: how each server is started. Sourced by run.sh.
#
# A contender NAME is a function start_NAME. It gets a free loopback port as $1,
# starts its processes with `launch` and leaves readiness, measuring and
# stopping to the caller; need_NAME (optional) says on standard output why the
# contender cannot run here, and nothing if it can. proven_NAME PORT (optional)
# tells, after the warm-up, whether the contender does what it is there for.
# A name that ends in _tls is spoken to with HTTPS, one that ends in _fcgi with
# FastCGI over the UNIX socket $WORK/PORT.sock.
# BIN holds the programs, WORK is a directory for files, CORES counts cores.

# -- peers -----------------------------------------------------------------

start_plain() { launch "$BIN/plain" -listen "127.0.0.1:$1"; }
start_plain_again() { start_plain "$1"; }
start_plain_200us() { launch "$BIN/plain" -listen "127.0.0.1:$1" -wait 200us; }
start_semaphore() { launch "$BIN/semaphore" -listen "127.0.0.1:$1" -limit 16; }
start_semaphore_200us() { launch "$BIN/semaphore" -listen "127.0.0.1:$1" -limit 16 -wait 200us; }
start_prefork_shared() { launch "$BIN/prefork" -listen "127.0.0.1:$1"; }
start_prefork_reuseport() { launch "$BIN/prefork" -listen "127.0.0.1:$1" -reuseport; }

start_plain_tls() {
	certificate
	launch "$BIN/plain" -listen "127.0.0.1:$1" -cert "$WORK/cert.pem" -key "$WORK/key.pem"
}
need_plain_tls() { need_certificate; }

start_nethttp_plain() { launch "$BIN/nethttp_plain" -listen "127.0.0.1:$1"; }
need_nethttp_plain() { [ -x "$BIN/nethttp_plain" ] || echo "internal/peers/nethttp/plain does not build"; }

# certificate makes the one that all contenders with TLS serve.
certificate() { [ -s "$WORK/key.pem" ] || "$BIN/certificate" -cert "$WORK/cert.pem" -key "$WORK/key.pem"; }
need_certificate() {
	[ -x "$BIN/certificate" ] || echo "internal/peers/certificate does not build"
	need_crowd # asks whether they are ready
}
need_crowd() { [ -x "$BIN/crowd" ] || echo "internal/peers/crowd does not build"; }

# files makes the files to be served, of random octets, under the names of their
# sizes.
files() {
	local size
	[ -d "$WORK/files" ] && return
	mkdir "$WORK/files"
	for size in 1K 100K 10M; do
		head -c "$size" /dev/urandom >"$WORK/files/$size.bin"
	done
}

# with_nginx PORT: starts it, as many workers as cores. Standard input is what its
# server has to say beside the address.
with_nginx() {
	local home="$WORK/nginx.$1" user=
	((EUID)) || user="user $(id -un) $(id -gn);" # its workers must reach socket and files
	mkdir -p "$home/logs"
	cat >"$home/nginx.conf" <<-END
		daemon off;
		$user
		worker_processes $CORES;
		error_log $home/logs/error.log crit;
		pid $home/nginx.pid;
		events { worker_connections 4096; }
		http {
			access_log off;
			client_body_temp_path $home/body;
			proxy_temp_path $home/proxy;
			fastcgi_temp_path $home/fastcgi;
			uwsgi_temp_path $home/uwsgi;
			scgi_temp_path $home/scgi;
			keepalive_requests 1000000000;
			${UPSTREAM:+upstream responder { $UPSTREAM \}}
			server {
				listen 127.0.0.1:$1 backlog=4096;
				$(cat)
			}
		}
	END
	launch "$NGINX" -e "$home/logs/start.log" -p "$home" -c "$home/nginx.conf"
}
need_nginx() { [ -n "$NGINX" ] || echo "nginx is not installed"; }

# nginx_fastcgi PORT SOCKET KEPT [DIRECTIVES]: nginx in front of a responder. KEPT
# is how many idle connections to it each of its workers keeps; 0 is its default
# way: a connection for each request. With kept ones a process that serves one
# connection at a time (libfcgi does) waits on an idle one while requests on new
# ones wait in the backlog, and under more clients than processes all of it can
# come to a stand.
nginx_fastcgi() {
	local keep=
	UPSTREAM="server unix:$2;"
	if (($3)); then
		UPSTREAM+=" keepalive $3; keepalive_requests 1000000000; keepalive_timeout 3600s;"
		keep="fastcgi_keep_conn on;"
	fi
	with_nginx "$1" <<-END
		location / {
			fastcgi_pass responder;
			$keep
			fastcgi_param QUERY_STRING \$query_string;
			fastcgi_param REQUEST_METHOD \$request_method;
			fastcgi_param CONTENT_TYPE \$content_type;
			fastcgi_param CONTENT_LENGTH \$content_length;
			fastcgi_param REQUEST_URI \$request_uri;
			fastcgi_param DOCUMENT_URI \$document_uri;
			fastcgi_param DOCUMENT_ROOT \$document_root;
			fastcgi_param SERVER_PROTOCOL \$server_protocol;
			fastcgi_param REQUEST_SCHEME \$scheme;
			fastcgi_param GATEWAY_INTERFACE CGI/1.1;
			fastcgi_param SERVER_SOFTWARE nginx;
			fastcgi_param REMOTE_ADDR \$remote_addr;
			fastcgi_param REMOTE_PORT \$remote_port;
			fastcgi_param SERVER_ADDR \$server_addr;
			fastcgi_param SERVER_PORT \$server_port;
			fastcgi_param SERVER_NAME \$server_name;
			fastcgi_param REDIRECT_STATUS 200;
			${4:-}
		}
	END
	UPSTREAM=
}

# The same C program behind nginx: nginx_libfcgi_PROCESSES and
# nginx_libfcgi_PROCESSES_kept_KEPT.
nginx_libfcgi() {
	launch "$BIN/hello_fcgi" "$WORK/program.$1.sock" "$2"
	nginx_fastcgi "$1" "$WORK/program.$1.sock" "$3"
}
start_nginx_libfcgi() { nginx_libfcgi "$1" "$FCGI_PROCESSES" 0; }
for count in 4 8; do
	eval "start_nginx_libfcgi_$count() { nginx_libfcgi \"\$1\" $count 0; }"
	eval "need_nginx_libfcgi_$count() { need_nginx_libfcgi; }"
	for kept in 1 2 4; do
		eval "start_nginx_libfcgi_${count}_kept_$kept() { nginx_libfcgi \"\$1\" $count $kept; }"
		eval "need_nginx_libfcgi_${count}_kept_$kept() { need_nginx_libfcgi; }"
	done
done
need_nginx_libfcgi() {
	need_nginx
	need_hello_fcgi
}
need_hello_fcgi() { [ -x "$BIN/hello_fcgi" ] || echo "no C compiler, or no libfcgi to link with"; }

# nginx and php-fpm, with as many processes as Bident has of php-cgi.
start_nginx_fpm_4() {
	local home="$WORK/fpm.$1" user=
	mkdir -p "$home"
	((EUID)) || user="user = $(id -un)
		group = $(id -gn)"
	cat >"$home/fpm.conf" <<-END
		[global]
		daemonize = no
		error_log = $home/error.log
		[www]
		$user
		listen = $home/fpm.sock
		listen.backlog = 4096
		pm = static
		pm.max_children = 4
		pm.max_requests = 0
	END
	launch "$FPM" -R -p "$home" -y "$home/fpm.conf"
	nginx_fastcgi "$1" "$home/fpm.sock" "${2:-0}" \
		"fastcgi_param SCRIPT_NAME /hello.php; fastcgi_param SCRIPT_FILENAME $HERE/peers/hello.php;"
}
start_nginx_fpm_4_kept() { start_nginx_fpm_4 "$1" 2; }
need_nginx_fpm_4() {
	need_nginx
	[ -n "$FPM" ] || echo "php-fpm is not installed"
}
need_nginx_fpm_4_kept() { need_nginx_fpm_4; }

# Apache with mod_fcgid, which starts as many php-cgi as Bident does.
start_fcgid_php_4() {
	local home="$WORK/fcgid.$1" modules=/usr/lib/apache2/modules
	mkdir -p "$home/run" "$home/site"
	cp "$HERE/peers/hello.php" "$home/site"
	((EUID)) || { # its processes are another user's
		chmod 711 "$WORK"
		chown www-data "$home/run"
	}
	{
		cat <<-END
			ServerRoot $home
			ServerName localhost
			Listen 127.0.0.1:$1
			ListenBacklog 4096
			PidFile $home/pid
			ErrorLog $home/error.log
			LogLevel crit
			LoadModule mpm_event_module $modules/mod_mpm_event.so
			LoadModule authz_core_module $modules/mod_authz_core.so
			LoadModule alias_module $modules/mod_alias.so
			LoadModule fcgid_module $modules/mod_fcgid.so
			ThreadsPerChild 50
			KeepAlive On
			MaxKeepAliveRequests 0
			KeepAliveTimeout 60
			FcgidIPCDir $home/run
			FcgidProcessTableFile $home/run/table
			FcgidMaxProcesses 4
			FcgidMaxProcessesPerClass 4
			FcgidMinProcessesPerClass 4
			FcgidMaxRequestsPerProcess 0
			FcgidInitialEnv PHP_FCGI_MAX_REQUESTS 0
			Alias /hello $home/site/hello.php
			<Directory $home/site>
				Require all granted
				Options ExecCGI
				SetHandler fcgid-script
				FcgidWrapper $(command -v php-cgi)
			</Directory>
		END
		((EUID)) || printf 'User %s\nGroup %s\n' www-data www-data
	} >"$home/apache.conf"
	launch "$APACHE" -D FOREGROUND -f "$home/apache.conf"
}
need_fcgid_php_4() {
	[ -n "$APACHE" ] || echo "apache2 is not installed"
	[ -e /usr/lib/apache2/modules/mod_fcgid.so ] || echo "mod_fcgid is not installed (Debian: libapache2-mod-fcgid)"
	command -v php-cgi >/dev/null || echo "php-cgi is not installed"
}

# nginx with files: as it opens each one anew, and as it remembers open ones.
start_nginx_files() { nginx_files "$1" "open_file_cache off;"; }
need_nginx_files() { need_nginx; }
start_nginx_files_cached() { nginx_files "$1" "open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;"; }
need_nginx_files_cached() { need_nginx; }
nginx_files() {
	files
	with_nginx "$1" <<-END
		root $WORK/files;
		sendfile on;
		tcp_nopush on;
		$2
	END
}

# -- FastCGI responders by themselves --------------------------------------

start_nethttp_fcgi() { launch "$BIN/nethttp_fcgi" -listen "$WORK/$1.sock"; }
need_nethttp_fcgi() { [ -x "$BIN/nethttp_fcgi" ] || echo "internal/peers/nethttp/fcgi does not build"; }
start_libfcgi_8_fcgi() { launch "$BIN/hello_fcgi" "$WORK/$1.sock" 8; }
need_libfcgi_8_fcgi() { need_hello_fcgi; }

# Bident as one, with 50 goroutines or 8 processes, alone and behind nginx.
responder() {
	local socket=$1
	shift
	launch "$BIN/embedded" -listen "fcgi+unix://$socket" "$@"
}
start_emulate_50_fcgi() { responder "$WORK/$1.sock" -workers 50; }
need_emulate_50_fcgi() { need_embedded; }
start_fork_8_fcgi() { responder "$WORK/$1.sock" -mode fork -workers 8; }
need_fork_8_fcgi() { need_embedded; }
start_fork_slot_8_fcgi() { responder "$WORK/$1.sock" -mode fork -accept slot -workers 8; }
need_fork_slot_8_fcgi() { need_embedded; }
# As many children as cores, each with room for all connections.
start_fork_slot_fcgi() { responder "$WORK/$1.sock" -mode fork -accept slot -workers "$CORES" -concurrency 64; }
need_fork_slot_fcgi() { need_embedded; }
start_fork_cores_fcgi() { responder "$WORK/$1.sock" -mode fork -workers "$CORES"; }
need_fork_cores_fcgi() { need_embedded; }
start_nginx_emulate_50() {
	responder "$WORK/responder.$1.sock" -workers 50
	nginx_fastcgi "$1" "$WORK/responder.$1.sock" 64
}
need_nginx_emulate_50() {
	need_embedded
	need_nginx
}
start_nginx_fork_8() {
	responder "$WORK/responder.$1.sock" -mode fork -workers 8
	nginx_fastcgi "$1" "$WORK/responder.$1.sock" 64
}
need_nginx_fork_8() { need_nginx_emulate_50; }
start_nginx_fork_slot_8() {
	responder "$WORK/responder.$1.sock" -mode fork -accept slot -workers 8
	nginx_fastcgi "$1" "$WORK/responder.$1.sock" 64
}
need_nginx_fork_slot_8() { need_nginx_emulate_50; }
start_nginx_nethttp() {
	launch "$BIN/nethttp_fcgi" -listen "$WORK/responder.$1.sock"
	nginx_fastcgi "$1" "$WORK/responder.$1.sock" 64
}
need_nginx_nethttp() {
	need_nethttp_fcgi
	need_nginx
}

# -- Bident ----------------------------------------------------------------

bident() {
	local port=$1
	shift
	launch "$BIN/bident" serve --listen "http://127.0.0.1:$port" --max-requests 0 --log-level 0 --admin off "$@"
}
need_bident() { [ -x "$BIN/bident" ] || echo "cmd/bident does not build"; }

# The peers' handler in a program that embeds Bident, so that a comparison with
# them differs in nothing but the server.
embedded() {
	local port=$1
	shift
	launch "$BIN/embedded" -listen "127.0.0.1:$port" "$@"
}
need_embedded() { [ -x "$BIN/embedded" ] || echo "internal/peers/embedded does not build"; }

start_emulate_50() { embedded "$1" -workers 50; }
need_emulate_50() { need_embedded; }

start_emulate_50_log() { embedded "$1" -workers 50 -access-log "$WORK/access.$1.log"; }
need_emulate_50_log() { need_embedded; }
proven_emulate_50_log() { [ -s "$WORK/access.$1.log" ] || echo "it writes no access log"; }

start_emulate_50_admin() { embedded "$1" -workers 50 -admin "http+unix://$WORK/admin.$1.sock"; }
need_emulate_50_admin() { need_embedded; }

start_emulate_50_tls() {
	certificate
	embedded "$1" -workers 50 -cert "$WORK/cert.pem" -key "$WORK/key.pem"
}
need_emulate_50_tls() {
	need_embedded
	need_certificate
}

start_emulate_files() {
	files
	bident "$1" --root "$WORK/files"
}
need_emulate_files() { need_bident; }

start_nethttp_embedded() { launch "$BIN/nethttp_embedded" -listen "127.0.0.1:$1"; }
need_nethttp_embedded() { [ -x "$BIN/nethttp_embedded" ] || echo "internal/peers/nethttp/embedded does not build"; }

start_emulate_200us() { embedded "$1" -wait 200us -workers 16; }
need_emulate_200us() { need_embedded; }

start_fork_slot() { embedded "$1" -mode fork -accept slot -concurrency 512 -workers "$CORES"; }
need_fork_slot() { need_embedded; }
start_fork_slot_one() { embedded "$1" -mode fork -accept slot -concurrency 256 -workers "$CORES" -gomaxprocs 1; }
need_fork_slot_one() { need_embedded; }
start_fork_slot_all() { embedded "$1" -mode fork -accept slot -concurrency 256 -workers "$CORES" -gomaxprocs "$CORES"; }
need_fork_slot_all() { need_embedded; }

# Children that accept in the other ways, one connection at a time in each. Their
# admin sockets tell how even the load was.
accepting() { embedded "$1" -mode fork -accept "$2" -workers "$3" -gomaxprocs 1 -admin "http+unix://$WORK/admin.$1.sock"; }
for way in shared classic flock semaphore pipe; do
	for count in 8 50; do
		eval "start_fork_${way}_$count() { accepting \"\$1\" $way $count; }"
		eval "need_fork_${way}_$count() { need_embedded; }"
		eval "even_fork_${way}_$count() { evenness \"\$1\"; }"
	done
done

# evenness PORT: requests of the busiest child for each of the least busy one.
evenness() {
	curl -s --unix-socket "$WORK/admin.$1.sock" http://localhost/status.json 2>/dev/null | tr ',{' '\n\n' |
		awk -F: '/"workers"/ { inside = 1 }
			inside && /"requests"/ { n = $2 + 0; if (!seen++ || n < least) least = n; if (n > most) most = n }
			/"exits":\[/ && inside { exit }
			END { if (least > 0) printf "%.2f\n", most / least; else print "-" }'
}

# Perl's Net::Server::PreFork, with a loop that does nothing but read and write.
start_perl_prefork() { launch perl "$HERE/peers/prefork.pl" "$1" 8; }
need_perl_prefork() { perl -MNet::Server::PreFork -e 1 2>/dev/null || echo "Net::Server is not installed (Debian: libnet-server-perl)"; }

start_fork_request() { embedded "$1" -mode fork -accept request -workers "$FCGI_PROCESSES"; }
need_fork_request() { need_embedded; }
start_fork_request_one() { embedded "$1" -mode fork -accept request -workers "$FCGI_PROCESSES" -gomaxprocs 1; }
need_fork_request_one() { need_embedded; }
start_fork_request_all() { embedded "$1" -mode fork -accept request -workers "$FCGI_PROCESSES" -gomaxprocs "$CORES"; }
need_fork_request_all() { need_embedded; }

# The same C program as behind nginx, as Bident's workers.
start_fork_libfcgi() { bident "$1" --mode fork --max-servers "$FCGI_PROCESSES" -- "$BIN/hello_fcgi"; }
need_fork_libfcgi() {
	need_bident
	need_hello_fcgi
}
start_fork_libfcgi_4() { bident "$1" --max-servers 4 -- "$BIN/hello_fcgi"; }
need_fork_libfcgi_4() { need_fork_libfcgi; }
# The same with one thread of Go code in the server.
start_fork_libfcgi_4_one() { GOMAXPROCS=1 start_fork_libfcgi_4 "$1"; }
need_fork_libfcgi_4_one() { need_fork_libfcgi; }
start_fork_php_4() { bident "$1" --max-servers 4 --script "$HERE/peers/hello.php" -- php-cgi; }
need_fork_php_4() {
	need_bident
	command -v php-cgi >/dev/null || echo "php-cgi is not installed"
}

start_fork_50() { embedded "$1" -mode fork -accept request -workers 50; }
need_fork_50() { need_embedded; }

# -- the lineage: servers whose workers are processes, 50 of each --------------

start_starman_50() {
	launch starman --listen "127.0.0.1:$1" --workers 50 --max-requests 1000000000 --backlog 4096 \
		--pid "$WORK/starman.$1.pid" --preload-app "$HERE/lineage/hello.psgi"
}
need_starman_50() { command -v starman >/dev/null || echo "starman is not installed"; }

# Its default worker ends every connection after an answer; this one keeps them.
start_gunicorn_50() {
	launch gunicorn --bind "127.0.0.1:$1" --workers 50 --worker-class gthread --threads 1 --keep-alive 60 \
		--backlog 2048 --log-level critical --chdir "$HERE/lineage" hello:application
}
need_gunicorn_50() { command -v gunicorn >/dev/null || echo "gunicorn is not installed"; }

start_netserver_50() { launch perl "$HERE/lineage/netserver.pl" "$1" 50; }
need_netserver_50() { perl -MNet::Server::PreFork -e 1 2>/dev/null || echo "Net::Server is not installed"; }
