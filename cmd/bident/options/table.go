package options

import "strconv"

// Groups of settings, in the order of the help.
const (
	groupWhat    = "What"
	groupWhere   = "Where"
	groupTLS     = "TLS"
	groupHow     = "How"
	groupHowMany = "How many"
	groupHowLong = "How long (0: no limit)"
	groupQueue   = "Queue"
	groupDaemon  = "Daemon"
	groupLog     = "Access log"
	groupAccess  = "Access (once there is a rule, no match means denied; deny wins)"
	groupLimits  = "Limits"
	// groupIsolation is what workers may do and have.
	groupIsolation = "Isolation of workers"
	groupAdmin     = "Admin"
	groupFile      = "Configuration file"
)

// Defaults that contradictions know, since a setting that makes no sense is let
// pass with its default.
const (
	defaultIndex      = "index.html"
	defaultCGIPrefix  = "/cgi-bin/"
	defaultLogFormat  = "combined"
	defaultTLSVersion = "1.2"
	defaultHTTPSPort  = 443

	defaultCheckForDead = "30s"
	defaultUpstreamKeep = "1s"
)

// table returns every setting, each bound to its field of s. It is the one
// source of names, defaults, help and rules.
func table(s *Serve) []Key {
	return []Key{
		{Name: "app", into: &s.App, Group: groupWhat, Arg: "NAME", Default: "demo, unless files or a program are given", derived: true,
			Help: "built-in application to serve; demo is the demonstration application"},
		{Name: "demo_faults", into: &s.DemoFaults, Group: groupWhat, Default: "false",
			Help: "let the demo answer the paths that crash or hang"},
		{Name: "root", into: &s.Root, Group: groupWhat, Arg: "DIR",
			Help: "directory of files to serve, instead of an application; with a program, of its scripts, too"},
		{Name: "index", into: &s.Index, Group: groupWhat, Arg: "NAME", Default: defaultIndex + "; with a program index.php, then " + defaultIndex, derived: true, check: plainName,
			Help: "file that stands for its directory, repeatable; the first that is there is served"},
		{Name: "match", into: &s.Match, Group: groupWhat, Arg: "REGEX", check: regularExpression,
			Help: "paths of URLs that are the program's; with root, of its scripts, and all others are files; if empty, all that are no files, and scripts are told by their extensions"},
		{Name: "script", into: &s.Script, Group: groupWhat, Arg: "FILE",
			Help: "the program's script for every path that is no file below root"},
		{Name: "fallback", into: &s.Fallback, Group: groupWhat, Arg: "PATH", check: urlPath,
			Help: "path below root of what answers where there is nothing, such as /index.php"},
		{Name: "sendfile_root", into: &s.SendfileRoot, Group: groupWhat, Arg: "DIR", check: directoryName,
			Help: "one more directory, beside root, with files that a program may have sent by X-Sendfile, repeatable"},
		{Name: "limit_extensions", into: &s.LimitExtensions, Group: groupWhat, Arg: "EXT", check: nameEnd,
			Help: "what the name of a file must end with that a web server has PHP run over FastCGI, repeatable; * for any; if there is none, .php and .phar, or what php_fpm_conf says"},
		{Name: "cgi", into: &s.CGI, Group: groupWhat, Default: "false",
			Help: "the program after -- speaks CGI: it is started anew for each request"},
		{Name: "cgi_bin", into: &s.CGIBin, Group: groupWhat, Arg: "DIR",
			Help: "directory of CGI scripts to serve below cgi_prefix, instead of an application; with root beside its files"},
		{Name: "cgi_prefix", into: &s.CGIPrefix, Group: groupWhat, Arg: "PATH", Default: defaultCGIPrefix, check: urlDirectory,
			Help: "path of URLs that cgi_bin stands for"},
		{Name: "program", into: &s.Program, Group: groupWhat, noFlag: true,
			Help: "external FastCGI program, or with cgi CGI program, and its arguments, instead of an application"},
		{Name: "upstream", into: &s.Upstream, Group: groupWhat, Arg: "URL", check: upstreamURL,
			Help: "FastCGI listener that somebody else runs, such as php-fpm, instead of a program: fcgi://host:port or fcgi+unix:///path; repeatable, they take turns"},
		{Name: "upstream_keep", into: &s.UpstreamKeep, Group: groupWhat, Arg: "TIME", Default: defaultUpstreamKeep,
			Help: "time an idle connection to an upstream is kept, which may hold one of its processes; 0 is not at all"},
		{Name: "php_value", into: &s.PHPValue, Group: groupWhat, Arg: "NAME=VALUE", check: phpValue,
			Help: "setting of php.ini for a program that is PHP's, repeatable; VALUE is as for php-cgi's -d, text best in single quotes of its own"},
		{Name: "param", into: &s.Param, Group: groupWhat, Arg: "NAME=VALUE",
			Help: "parameter that a program, an upstream or a CGI program gets with each request, repeatable: a variable of CGI, instead of what the server or a web server in front says of that name; VALUE is taken as it is"},

		{Name: "listen", into: &s.Listen, Group: groupWhere, Arg: "URL", Default: "http://127.0.0.1:8080", check: listenURL,
			Help: "address to serve on, repeatable: http://host:port or https://host:port, where port 0 picks one, http+unix:///path, or, for FastCGI, fcgi://host:port or fcgi+unix:///path; http+fd://3, fcgi+fd://0, http+systemd://NAME and fcgi+systemd://NAME are sockets that listen already; if none is given, the variable FCGI_SOCKET_PATH says where to listen for FastCGI, :9005 or a path, or else a listening socket at descriptor 0, as of spawn-fcgi, is used for it"},
		{Name: "backlog", into: &s.Backlog, Group: groupWhere, Arg: "N", Default: "0", check: atLeast(0),
			Help: "connections the kernel queues for each address; 0 is the system's maximum"},
		{Name: "socket_mode", into: &s.SocketMode, Group: groupWhere, Arg: "MODE",
			Help: "file mode of UNIX sockets, octal; if empty, the umask decides"},
		{Name: "socket_owner", into: &s.SocketOwner, Group: groupWhere, Arg: "OWNER", check: owner,
			Help: "whose UNIX sockets are: USER, USER:GROUP or :GROUP; if empty, the server's"},
		{Name: "web_server", into: &s.WebServer, Group: groupWhere, Arg: "ADDRESS", check: webServer,
			Help: "web server that may connect to addresses for FastCGI, repeatable; if there is none, those in the variable FCGI_WEB_SERVER_ADDRS, else all"},

		{Name: "tls_cert", into: &s.TLSCert, Group: groupTLS, Arg: "FILE", check: fileName,
			Help: "certificate for https with its chain, in PEM, repeatable: clients are shown the one for the host they ask for, else the first; a reload reads the files again"},
		{Name: "tls_key", into: &s.TLSKey, Group: groupTLS, Arg: "FILE",
			Help: "key of a certificate, repeatable, in the order of tls_cert; none if the keys are in the same files"},
		{Name: "tls_min_version", into: &s.TLSMinVersion, Group: groupTLS, Arg: "VERSION", Default: defaultTLSVersion,
			check: oneOf([]string{"1.2", "1.3"}),
			Help:  "oldest version of TLS that clients may speak: 1.2 or 1.3"},
		{Name: "redirect_https", into: &s.RedirectHTTPS, Group: groupTLS, Default: "false",
			Help: "addresses for http only answer with a redirect to https"},
		{Name: "https_port", into: &s.HTTPSPort, Group: groupTLS, Arg: "PORT", Default: strconv.Itoa(defaultHTTPSPort), check: between(1, 65535),
			Help: "port that redirect_https sends clients to"},
		{Name: "acme_host", into: &s.ACMEHost, Group: groupTLS, Arg: "HOST", check: certifiedHost,
			Help: "host to obtain a certificate for by ACME, repeatable; this agrees to the authority's terms of service"},
		{Name: "acme_email", into: &s.ACMEEmail, Group: groupTLS, Arg: "ADDRESS", check: mailAddress,
			Help: "mail address that the authority is told, for its notices"},
		{Name: "acme_cache", into: &s.ACMECache, Group: groupTLS, Arg: "DIR",
			Help: "directory that keeps the certificates obtained and their keys; required with acme_host"},
		{Name: "acme_directory", into: &s.ACMEDirectory, Group: groupTLS, Arg: "URL", check: directoryURL,
			Help: "directory URL of the authority; if empty, that of Let's Encrypt"},

		{Name: "mode", into: &s.Mode, Group: groupHow, Arg: "MODE", Default: "emulate; fork if a program is given", derived: true,
			check: oneOf([]string{"emulate", "fork"}),
			Help:  "kind of worker: emulate for goroutines, fork for processes"},
		{Name: "concurrency", into: &s.Concurrency, Group: groupHow, Arg: "N", Default: "1", check: atLeast(1),
			Help: "lanes of a worker: how many requests it executes at a time"},
		{Name: "accept", into: &s.Accept, Group: groupHow, Arg: "HOW", Default: "auto",
			check: oneOf([]string{"auto", "request", "slot", "classic", "shared", "flock", "semaphore", "pipe", "dispatch"}),
			Help: "who accepts connections in fork mode: request for the parent, slot for the workers, auto for request with concurrency 1, a program or a socket that listens already, else slot; " +
				"or, to compare: shared for workers with one socket, flock, semaphore or pipe for one of them at a time, classic for one connection per worker, dispatch for the parent, which passes connections to workers"},
		{Name: "lock_file", into: &s.LockFile, Group: groupHow, Arg: "FILE",
			Help: "file to lock with accept flock; if empty, a temporary one"},
		{Name: "per_request", into: &s.PerRequest, Group: groupHow, Default: "false",
			Help: "start a child for each connection, in fork mode"},
		{Name: "gomaxprocs", into: &s.GOMAXPROCS, Group: groupHow, Arg: "N", Default: "0", check: atLeast(0),
			Help: "GOMAXPROCS of each child in fork mode; 0 lets the server choose"},

		{Name: "max_servers", Aliases: []string{"n_processes"}, into: &s.MaxServers, Group: groupHowMany, Arg: "N",
			Default: "50; in fork mode twice the CPUs", derived: true, check: servers, Reload: true,
			Help: "most workers"},
		{Name: "min_servers", into: &s.MinServers, Group: groupHowMany, Arg: "N",
			Default: "max_servers; once a spare limit is given, 5 or max_servers if that is less", derived: true, check: atLeast(0), Reload: true,
			Help: "fewest workers; 0 starts them on demand"},
		{Name: "min_spare_servers", into: &s.MinSpareServers, Group: groupHowMany, Arg: "N", Default: "0", check: atLeast(0), Reload: true,
			Help: "start workers when fewer are idle; 0 is no such limit"},
		{Name: "max_spare_servers", into: &s.MaxSpareServers, Group: groupHowMany, Arg: "N", Default: "0", check: atLeast(0), Reload: true,
			Help: "retire workers when more are idle; 0 is no such limit"},
		{Name: "start_servers", into: &s.StartServers, Group: groupHowMany, Arg: "N", Default: "min_servers or, if it is more, min_spare_servers", derived: true, check: atLeast(0), Reload: true,
			Help: "workers to start with"},
		{Name: "check_for_waiting", into: &s.CheckForWaiting, Group: groupHowMany, Arg: "TIME", Default: "10s", Reload: true,
			Help: "time between two looks for idle workers that are too many"},
		{Name: "check_for_spawn", into: &s.CheckForSpawn, Group: groupHowMany, Arg: "TIME", Default: "30s", Reload: true,
			Help: "time after workers were added before idle ones are retired"},
		{Name: "min_child_ttl", into: &s.MinChildTTL, Group: groupHowMany, Arg: "TIME", Default: "10s", Reload: true,
			Help: "age before which an idle worker is not retired"},
		{Name: "max_idle", into: &s.MaxIdle, Group: groupHowMany, Arg: "TIME", Default: "0s", Reload: true,
			Help: "time without a request after which a worker is let go, as far as min_servers and min_spare_servers allow; 0 is no such limit; the default of max_spare_servers is no limit then"},
		{Name: "max_surge", into: &s.MaxSurge, Group: groupHowMany, Arg: "N", Default: "1", check: atLeast(0), Reload: true,
			Help: "workers there may be beyond the number wanted while some are replaced"},
		{Name: "max_unavailable", into: &s.MaxUnavailable, Group: groupHowMany, Arg: "N", Default: "0", check: atLeast(0), Reload: true,
			Help: "workers that may be missing while some are replaced"},
		{Name: "start_delay", into: &s.StartDelay, Group: groupHowMany, Arg: "TIME", Default: "0s", Reload: true,
			Help: "pause between starting one worker and the next"},

		{Name: "max_requests", into: &s.MaxRequests, Group: groupHowLong, Arg: "N",
			Default: "1000 with concurrency 1, else 0; 0 with per_request", derived: true, check: atLeast(0), Reload: true,
			Help: "requests of a worker, after which it is replaced"},
		{Name: "max_requests_jitter", into: &s.MaxRequestsJitter, Group: groupHowLong, Arg: "N", Default: "0", check: atLeast(0), Reload: true,
			Help: "lower max_requests by up to this much, at random, for each worker"},
		{Name: "max_lifetime", into: &s.MaxLifetime, Group: groupHowLong, Arg: "TIME", Default: "0s", Reload: true,
			Help: "age of a worker at which it is replaced"},
		{Name: "max_memory", into: &s.MaxMemory, Group: groupHowLong, Arg: "SIZE", Default: "0", Reload: true,
			Help: "in fork mode, resident memory of a worker, looked at each second, at which it is replaced when it has finished what it does"},
		{Name: "kill_memory", into: &s.KillMemory, Group: groupHowLong, Arg: "SIZE", Default: "0", Reload: true,
			Help: "in fork mode, resident memory of a worker, looked at each second, at which it is killed at once"},
		{Name: "start_timeout", into: &s.StartTimeout, Group: groupHowLong, Arg: "TIME", Default: "1m", Reload: true,
			Help: "time a worker may take until it is ready"},
		{Name: "request_timeout", into: &s.RequestTimeout, Group: groupHowLong, Arg: "TIME", Default: "0s", Reload: true,
			Help: "time a request may take before it is answered 504; once the answer of a program has begun, time in which it may say nothing more before it is cut"},
		{Name: "die_timeout", into: &s.DieTimeout, Group: groupHowLong, Arg: "TIME", Default: "1m",
			Help: "time workers have to finish when the server stops"},
		{Name: "retire_timeout", into: &s.RetireTimeout, Group: groupHowLong, Arg: "TIME", Default: "0s", Reload: true,
			Help: "time a worker has to finish on reload, recycling and upgrade"},
		{Name: "check_for_dead", into: &s.CheckForDead, Group: groupHowLong, Arg: "TIME", Default: defaultCheckForDead, Reload: true,
			Help: "in fork mode, time between two looks for workers that have died unnoticed, or are stopped (SIGSTOP): one that two looks in a row find so is replaced and killed; 0 is none"},
		{Name: "max_lost", into: &s.MaxLost, Group: groupHowLong, Arg: "N", Default: "10", check: atLeast(0), Reload: true,
			Help: "abandoned requests at a time whose lanes are replaced; 0 is none"},

		{Name: "queue_size", into: &s.QueueSize, Group: groupQueue, Arg: "N", Default: "1024", check: atLeast(0),
			Help: "requests that may wait for a worker; the next is answered 503; 0 is none"},
		{Name: "queue_timeout", into: &s.QueueTimeout, Group: groupQueue, Arg: "TIME", Default: "30s",
			Help: "time a request may wait before it is answered 503; 0 is no limit"},

		{Name: "pid_file", into: &s.PIDFile, Group: groupDaemon, Arg: "FILE",
			Help: "file to write the server's process id to"},
		{Name: "log_file", into: &s.LogFile, Group: groupDaemon, Arg: "FILE",
			Help: "log file; if empty, standard error"},
		{Name: "log_level", into: &s.LogLevel, Group: groupDaemon, Arg: "N", Default: "2", check: between(0, 4), Reload: true,
			Help: "what to log: 0 errors, 1 warnings, 2 notices, 3 information, 4 all"},
		{Name: "log_format", into: &s.LogFormat, Group: groupDaemon, Arg: "FORMAT", Default: "text", check: oneOf([]string{"text", "json"}),
			Help: "text or json"},
		{Name: "hup", into: &s.HUP, Group: groupDaemon, Arg: "ACTION", Default: "reload", check: oneOf([]string{"reload", "stop"}),
			Help: "what the signal HUP does: reload or stop"},

		{Name: "access_log", into: &s.AccessLog, Group: groupLog, Arg: "FILE",
			Help: "file that gets a line for each request; - is standard output; if empty, none"},
		{Name: "access_log_format", into: &s.AccessLogFormat, Group: groupLog, Arg: "FORMAT", Default: defaultLogFormat,
			Help: "Apache's codes, such as \"%h %>s %D\", or a name: common, combined, vhost_combined or json"},
		{Name: "request_id", into: &s.RequestID, Group: groupLog, Default: "false",
			Help: "give every request an id, in the field X-Request-ID of request and answer"},
		{Name: "slow_request", into: &s.SlowRequest, Group: groupLog, Arg: "TIME", Default: "0s",
			Help: "log requests that take longer, with the stack of their lane; 0 is none"},

		{Name: "allow", into: &s.Allow, Group: groupAccess, Arg: "REGEX", expr: true, check: expression("cidr_allow"),
			Help: "clients that are let in, repeatable: an expression for the whole address, or with reverse_lookups the whole host name"},
		{Name: "deny", into: &s.Deny, Group: groupAccess, Arg: "REGEX", expr: true, check: expression("cidr_deny"),
			Help: "clients that are kept out, repeatable, as for allow"},
		{Name: "cidr_allow", into: &s.CIDRAllow, Group: groupAccess, Arg: "NETWORK", check: network,
			Help: "network or address that is let in, repeatable: 10.0.0.0/8"},
		{Name: "cidr_deny", into: &s.CIDRDeny, Group: groupAccess, Arg: "NETWORK", check: network,
			Help: "network or address that is kept out, repeatable"},
		{Name: "reverse_lookups", into: &s.ReverseLookups, Group: groupAccess, Default: "false",
			Help: "look up the host names of clients, for allow, deny and the access log"},
		{Name: "trusted_proxy", into: &s.TrustedProxy, Group: groupAccess, Arg: "PROXY", check: proxy,
			Help: "proxy whose word on the client's address is taken, repeatable: an address, a network, loopback, private or unix; forwarded if they write the field Forwarded, not X-Forwarded-For"},
		{Name: "proxy_protocol", into: &s.ProxyProtocol, Group: groupAccess, Default: "false",
			Help: "connections of trusted proxies begin with a header of the PROXY protocol"},

		{Name: "max_header_size", into: &s.MaxHeaderSize, Group: groupLimits, Arg: "SIZE", Default: "64k", check: sizeFrom(1<<10, 1<<30),
			Help: "largest request line and header fields together"},
		{Name: "max_body_size", into: &s.MaxBodySize, Group: groupLimits, Arg: "SIZE", Default: "64m",
			Help: "largest request body; 0 is no limit"},
		{Name: "body_memory", into: &s.BodyMemory, Group: groupLimits, Arg: "SIZE", Default: "256m", check: sizeFrom(1, 0),
			Help: "memory for the bodies of all requests; the rest is kept in temporary files"},
		{Name: "header_timeout", into: &s.HeaderTimeout, Group: groupLimits, Arg: "TIME", Default: "15s",
			Help: "time for the whole request line and header; 0 is no limit"},
		{Name: "read_timeout", into: &s.ReadTimeout, Group: groupLimits, Arg: "TIME", Default: "1m",
			Help: "time a request body may make no progress; 0 is no limit"},
		{Name: "write_timeout", into: &s.WriteTimeout, Group: groupLimits, Arg: "TIME", Default: "1m",
			Help: "time an answer may make no progress; 0 is no limit"},
		{Name: "idle_timeout", into: &s.IdleTimeout, Group: groupLimits, Arg: "TIME", Default: "1m",
			Help: "time a connection may wait for its next request; 0 is no limit"},
		{Name: "max_connections_per_address", into: &s.MaxConnectionsPerAddress, Group: groupLimits, Arg: "N", Default: "0", check: atLeast(0),
			Help: "connections a client's address may have at a time; 0 is no limit"},
		{Name: "clear_env", into: &s.ClearEnv, Group: groupLimits, Default: "false",
			Help: "in fork mode, workers do not inherit the server's environment"},
		{Name: "env", into: &s.Env, Group: groupLimits, Arg: "K=V", check: assignment,
			Help: "variable for the environment of workers in fork mode, repeatable"},

		{Name: "user", into: &s.User, Group: groupIsolation, Arg: "USER", check: bareName,
			Help: "user, name or number, that workers run as; in mode emulate the server itself, once its addresses are bound"},
		{Name: "group", into: &s.Group, Group: groupIsolation, Arg: "GROUP", check: bareName,
			Help: "group, name or number; if empty, the user's own"},
		{Name: "groups", into: &s.Groups, Group: groupIsolation, Arg: "GROUP", check: groupName,
			Help: "supplementary group, repeatable; if there is none, those that the system has for the user"},
		{Name: "chroot", into: &s.Chroot, Group: groupIsolation, Arg: "DIR", check: absolute,
			Help: "root directory of workers, in mode emulate of the server; the paths of root and program are inside"},
		{Name: "working_dir", into: &s.WorkingDir, Group: groupIsolation, Arg: "DIR", check: absolute,
			Help: "working directory, inside chroot"},
		{Name: "umask", into: &s.Umask, Group: groupIsolation, Arg: "MASK", check: umask,
			Help: "umask, octal; it plays no part in the permissions of the sockets listened on, see socket_mode"},
		{Name: "no_new_privs", into: &s.NoNewPrivs, Group: groupIsolation, Default: "false",
			Help: "in fork mode, deny workers the rights of programs with setuid bits"},
		{Name: "rlimit_as", into: &s.RlimitAS, Group: groupIsolation, Arg: "SIZE", Default: "0",
			Help: "in fork mode, most address space of a worker; 0 leaves it as it is"},
		{Name: "rlimit_nofile", into: &s.RlimitNofile, Group: groupIsolation, Arg: "N", Default: "0", check: atLeast(0),
			Help: "in fork mode, most open descriptors of a worker; 0 leaves it as it is"},
		{Name: "rlimit_core", into: &s.RlimitCore, Group: groupIsolation, Arg: "SIZE", check: coreSize,
			Help: "in fork mode, largest core file of a worker, or unlimited; if empty, as it is"},
		{Name: "nice", into: &s.Nice, Group: groupIsolation, Arg: "N", Default: "0", check: between(-20, 19),
			Help: "in fork mode, priority of workers: 19 is the lowest; 0 leaves it as it is"},
		{Name: "cpus", into: &s.CPUs, Group: groupIsolation, Arg: "LIST", check: processors,
			Help: "in fork mode, processors that workers run on, such as 0,2-3; if empty, all"},
		{Name: "cgroup", into: &s.Cgroup, Group: groupIsolation, Arg: "DIR", check: absolute,
			Help: "in fork mode, directory of cgroup2 that this server has for itself, in which each worker gets a group"},
		{Name: "cgroup_memory_max", into: &s.CgroupMemoryMax, Group: groupIsolation, Arg: "SIZE", Default: "0",
			Help: "most memory of a worker's group; 0 is no limit"},
		{Name: "cgroup_cpu_max", into: &s.CgroupCPUMax, Group: groupIsolation, Arg: "N", check: share,
			Help: "processors that a worker's group may keep busy, such as 0.5; if empty, all"},

		{Name: "admin", into: &s.Admin, Group: groupAdmin, Arg: "URL", Default: "a socket in the user's runtime directory", derived: true, check: adminURL,
			Help: "where status and ctl reach the server: http+unix:///path, http://127.0.0.1:port or off"},

		{Name: "config", Aliases: []string{"conf_file"}, into: &s.Config, file: true, Group: groupFile, Arg: "FILE",
			Help: "settings in TOML if the name ends in .toml, else in lines of a key and a value, as for Net::Server"},
		{Name: "php_fpm_conf", into: &s.PHPFPMConf, Group: groupFile, Arg: "FILE", file: true,
			Help: "file of a pool of php-fpm to start from, with php-cgi in its place, which has no fastcgi_finish_request(); config check shows what has no effect"},
		{Name: "php_fpm_pool", into: &s.PHPFPMPool, Group: groupFile, Arg: "NAME", file: true,
			Help: "pool of that file, if there are several"},
	}
}
