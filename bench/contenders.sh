# Contenders: how each server is started. Sourced by run.sh.
#
# A contender NAME is a function start_NAME. It gets a free loopback port as $1,
# starts its processes with `launch` and leaves readiness, measuring and
# stopping to the caller; need_NAME (optional) says on standard output why the
# contender cannot run here, and nothing if it can. proven_NAME PORT (optional)
# tells, after the warm-up, whether the contender does what it is there for.
# A name that ends in _tls is spoken to with HTTPS.
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
			server {
				listen 127.0.0.1:$1 backlog=4096;
				$(cat)
			}
		}
	END
	launch "$NGINX" -e "$home/logs/start.log" -p "$home" -c "$home/nginx.conf"
}
need_nginx() { [ -n "$NGINX" ] || echo "nginx is not installed"; }

# nginx in front of a FastCGI program with FCGI_PROCESSES processes, in its
# default way: a connection for each request. With fastcgi_keep_conn a process
# that serves one connection at a time (libfcgi does) waits on an idle kept one
# while requests on new ones wait in the backlog, and under more clients than
# processes all of it can come to a stand.
start_nginx_libfcgi() {
	mkdir -p "$WORK/nginx.$1"
	launch "$BIN/hello_fcgi" "$WORK/nginx.$1/program.sock" "$FCGI_PROCESSES"
	with_nginx "$1" <<-END
		location / {
			fastcgi_pass unix:$WORK/nginx.$1/program.sock;
			fastcgi_param REQUEST_METHOD \$request_method;
			fastcgi_param REQUEST_URI \$request_uri;
			fastcgi_param QUERY_STRING \$query_string;
			fastcgi_param CONTENT_LENGTH \$content_length;
			fastcgi_param SERVER_PROTOCOL \$server_protocol;
		}
	END
}
need_nginx_libfcgi() {
	need_nginx
	need_hello_fcgi
}
need_hello_fcgi() { [ -x "$BIN/hello_fcgi" ] || echo "no C compiler, or no libfcgi to link with"; }

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
