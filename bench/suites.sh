# Suites: what is compared with what. Sourced by run.sh.
#
# pair SUITE A B CONNECTIONS LOAD GOAL [PATH]: A against B (contenders.sh) under
# CONNECTIONS connections that are LOAD: kept, close (one request each),
# piped16 (kept, and 16 requests sent together), or waited (kept, and it is noted
# how long each had to wait; for FastCGI the only one). GOAL is the wanted ratio A/B of
# requests per second, - if there is none. PATH is what is asked for: /hello.
# footprint SUITE CONTENDER: time from start to ready, and memory per process.
# idle SUITE A B CONNECTIONS GOAL: memory for so many idle connections, each of
# which has carried a request. GOAL is the most that A/B of it should be. A shows
# its lanes on $WORK/admin.PORT.sock: none may be busy.

suites() {
	# Two equal servers: how far a ratio strays here without a reason.
	pair same plain plain_again 64 kept -
	pair same plain plain_again 64 close -
	pair same semaphore plain 64 kept -

	# Whether everything that is compared works: no more than that.
	pair smoke emulate_50 plain 64 kept -
	pair smoke emulate_50_log emulate_50 64 kept -
	pair smoke emulate_50_tls plain_tls 64 close -
	pair smoke emulate_files nginx_files 64 kept - /1K.bin
	pair smoke nethttp_embedded nethttp_plain 64 kept -
	pair smoke emulate_200us semaphore_200us 64 kept -
	pair smoke emulate_50 plain 64 piped16 -
	pair smoke fork_slot prefork_shared 64 kept -
	pair smoke fork_request prefork_reuseport 64 close -
	pair smoke fork_libfcgi nginx_libfcgi 64 kept -
	pair smoke emulate_50_fcgi nethttp_fcgi 8 waited 1.2
	pair smoke fork_php_4 nginx_fpm_4 16 waited -
	pair smoke fork_php_4 fcgid_php_4 16 waited -
	pair smoke fork_classic_8 perl_prefork 8 kept -
	pair smoke fork_shared_8 fork_flock_8 64 close -
	pair smoke fork_semaphore_8 fork_pipe_8 64 close -
	pair smoke fork_50 starman_50 64 kept -
	pair smoke fork_classic_50 gunicorn_50 64 close -
	pair smoke fork_50 netserver_50 64 close -
	footprint smoke fork_slot

	pair emulate emulate_50 plain 64 kept 0.95
	pair emulate emulate_50 plain 1024 kept 0.95
	pair emulate emulate_50 plain 64 close 1.0

	pair pipeline emulate_50 plain 64 piped16 0.95

	pair static emulate_files nginx_files 64 kept 0.9 /1K.bin
	pair static emulate_files nginx_files 64 kept 0.9 /100K.bin
	pair static emulate_files nginx_files 64 kept 0.9 /10M.bin
	pair static_cached emulate_files nginx_files_cached 64 kept 0.9 /1K.bin
	pair static_cached emulate_files nginx_files_cached 64 kept 0.9 /100K.bin
	pair static_cached emulate_files nginx_files_cached 64 kept 0.9 /10M.bin

	pair nethttp nethttp_embedded nethttp_plain 64 kept 1.3
	pair nethttp nethttp_embedded nethttp_plain 64 close 1.3

	pair log emulate_50_log emulate_50 64 kept 0.9

	idle idle emulate_50_admin plain 10000 1.2

	pair tls emulate_50_tls plain_tls 64 kept -
	pair tls emulate_50_tls plain_tls 64 close -

	pair scarce emulate_200us semaphore_200us 1024 kept -

	pair slot fork_slot prefork_shared 64 kept 1.2
	pair slot fork_slot prefork_reuseport 64 kept 1.2
	pair slot fork_slot prefork_shared 1024 kept 1.2
	pair slot fork_slot prefork_reuseport 1024 kept 1.2
	pair slot fork_slot prefork_shared 64 close 1.25
	pair slot fork_slot prefork_reuseport 64 close -
	pair slot fork_slot emulate_50 64 kept 0.95

	# The lineage's way: as many kept connections as children.
	pair classic fork_classic_8 perl_prefork 8 kept 0.9
	pair classic fork_classic_8 plain 8 kept -
	pair classic perl_prefork plain 8 kept -

	# Who waits in accept, with a connection for each request.
	pair accept fork_classic_8 fork_shared_8 64 close 1.8
	pair accept fork_flock_8 fork_shared_8 64 close -
	pair accept fork_semaphore_8 fork_shared_8 64 close -
	pair accept fork_pipe_8 fork_shared_8 64 close -
	pair accept fork_classic_50 fork_shared_50 64 close 2.0
	pair accept fork_flock_50 fork_shared_50 64 close -
	pair accept fork_semaphore_50 fork_shared_50 64 close -
	pair accept fork_pipe_50 fork_shared_50 64 close -

	# How many threads of a child should run Go code.
	pair threads fork_slot_one fork_slot_all 64 kept -
	pair threads fork_slot_one fork_slot_all 64 close -
	pair threads fork_request_one fork_request_all 64 kept -
	footprint threads fork_slot_one
	footprint threads fork_slot_all

	pair request fork_request nginx_libfcgi 64 kept -
	pair request fork_libfcgi nginx_libfcgi 64 kept -
	pair request fork_request nginx_libfcgi 64 close -

	# FastCGI responders, each by itself.
	for count in 8 64; do
		pair fastcgi emulate_50_fcgi nethttp_fcgi "$count" waited 3.0
		pair fastcgi emulate_50_fcgi libfcgi_8_fcgi "$count" waited 0.8
		pair fastcgi fork_8_fcgi nethttp_fcgi "$count" waited -
		pair fastcgi fork_8_fcgi libfcgi_8_fcgi "$count" waited -
		pair fastcgi fork_slot_8_fcgi nethttp_fcgi "$count" waited 3.0
		pair fastcgi fork_slot_8_fcgi libfcgi_8_fcgi "$count" waited 0.8
		pair fastcgi fork_slot_fcgi libfcgi_8_fcgi "$count" waited 0.8
		pair fastcgi fork_slot_8_fcgi fork_8_fcgi "$count" waited -
		pair fastcgi fork_cores_fcgi fork_8_fcgi "$count" waited -
	done

	# The same behind nginx, which keeps its connections to Bident.
	pair behind nginx_emulate_50 nginx_libfcgi_8 64 waited 1.0
	pair behind nginx_fork_8 nginx_libfcgi_8 64 waited -
	pair behind nginx_fork_slot_8 nginx_libfcgi_8 64 waited -
	pair behind nginx_emulate_50 nginx_libfcgi_8_kept_4 64 waited -
	pair behind nginx_emulate_50 nginx_nethttp 64 waited -

	# HTTP to a program in C with 4 processes.
	pair program fork_libfcgi_4 nginx_libfcgi_4 64 waited 1.3
	# As many kept connections as leave no client without an answer on two cores, and
	# as many as there are processes.
	pair program fork_libfcgi_4 nginx_libfcgi_4_kept_1 64 waited 1.0
	pair program fork_libfcgi_4 nginx_libfcgi_4_kept_2 64 waited -
	pair program fork_libfcgi_4_one fork_libfcgi_4 64 waited -
	pair php fork_php_4 nginx_fpm_4 64 waited 1.0
	pair php fork_php_4 nginx_fpm_4_kept 64 waited -
	pair php fork_php_4 fcgid_php_4 64 waited -

	# 50 children with one lane each, as the lineage has them.
	for peer in starman_50 gunicorn_50 netserver_50; do
		pair lineage fork_50 "$peer" 64 kept 1.0
		pair lineage fork_50 "$peer" 64 close 1.0
	done
	# Its own way against Net::Server's, which lets 14 of the connections wait for ever.
	pair lineage fork_classic_50 netserver_50 64 kept 1.0
	pair lineage fork_classic_50 netserver_50 64 close 1.0

	footprint start plain
	footprint start emulate_50
	footprint start fork_slot
	footprint start fork_request
	footprint start fork_libfcgi
	footprint start prefork_shared
	footprint start prefork_reuseport
	footprint start nginx_libfcgi
}
