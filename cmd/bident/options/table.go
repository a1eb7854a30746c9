package options

// Groups of settings, in the order of the help.
const (
	groupWhat    = "What"
	groupWhere   = "Where"
	groupHow     = "How"
	groupHowMany = "How many"
	groupHowLong = "How long (0: no limit)"
	groupQueue   = "Queue"
	groupDaemon  = "Daemon"
	groupLimits  = "Limits"
	groupAdmin   = "Admin"
	groupFile    = "Configuration file"
)

// table returns every setting, each bound to its field of s. It is the one
// source of names, defaults, help and rules.
func table(s *Serve) []Key {
	return []Key{
		{Name: "app", into: &s.App, Group: groupWhat, Arg: "NAME", Default: "demo, unless a program is given", derived: true,
			Help: "built-in application to serve; demo is the demonstration application"},
		{Name: "demo_faults", into: &s.DemoFaults, Group: groupWhat, Default: "false",
			Help: "let the demo answer the paths that crash or hang"},
		{Name: "program", into: &s.Program, Group: groupWhat, noFlag: true,
			Help: "external FastCGI program and its arguments, instead of an application"},

		{Name: "listen", into: &s.Listen, Group: groupWhere, Arg: "URL", Default: "http://127.0.0.1:8080", check: listenURL,
			Help: "address to serve on, repeatable: http://host:port, where port 0 picks one, or http+unix:///path"},
		{Name: "backlog", into: &s.Backlog, Group: groupWhere, Arg: "N", Default: "0", check: atLeast(0),
			Help: "connections the kernel queues for each address; 0 is the system's maximum"},
		{Name: "socket_mode", into: &s.SocketMode, Group: groupWhere, Arg: "MODE",
			Help: "file mode of UNIX sockets, octal; if empty, the umask decides"},

		{Name: "mode", into: &s.Mode, Group: groupHow, Arg: "MODE", Default: "emulate; fork if a program is given", derived: true,
			check: oneOf([]string{"emulate", "fork"}),
			Help:  "kind of worker: emulate for goroutines, fork for processes"},
		{Name: "concurrency", into: &s.Concurrency, Group: groupHow, Arg: "N", Default: "1", check: atLeast(1),
			Help: "lanes of a worker: how many requests it executes at a time"},
		{Name: "accept", into: &s.Accept, Group: groupHow, Arg: "HOW", Default: "auto",
			check: oneOf([]string{"auto", "request", "slot"}, "classic", "shared", "flock", "semaphore", "pipe", "dispatch"),
			Help:  "who accepts connections in fork mode: request for the parent, slot for the workers, auto for request with concurrency 1 or a program, else slot"},
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
		{Name: "max_surge", into: &s.MaxSurge, Group: groupHowMany, Arg: "N", Default: "1", check: atLeast(0), Reload: true,
			Help: "workers there may be beyond the number wanted while some are replaced"},
		{Name: "max_unavailable", into: &s.MaxUnavailable, Group: groupHowMany, Arg: "N", Default: "0", check: atLeast(0), Reload: true,
			Help: "workers that may be missing while some are replaced"},
		{Name: "start_delay", into: &s.StartDelay, Group: groupHowMany, Arg: "TIME", Default: "0s", Reload: true,
			Help: "pause between starting one worker and the next"},

		{Name: "max_requests", into: &s.MaxRequests, Group: groupHowLong, Arg: "N",
			Default: "1000 with concurrency 1, else 0", derived: true, check: atLeast(0), Reload: true,
			Help: "requests of a worker, after which it is replaced"},
		{Name: "max_requests_jitter", into: &s.MaxRequestsJitter, Group: groupHowLong, Arg: "N", Default: "0", check: atLeast(0), Reload: true,
			Help: "lower max_requests by up to this much, at random, for each worker"},
		{Name: "max_lifetime", into: &s.MaxLifetime, Group: groupHowLong, Arg: "TIME", Default: "0s", Reload: true,
			Help: "age of a worker at which it is replaced"},
		{Name: "start_timeout", into: &s.StartTimeout, Group: groupHowLong, Arg: "TIME", Default: "1m", Reload: true,
			Help: "time a worker may take until it is ready"},
		{Name: "request_timeout", into: &s.RequestTimeout, Group: groupHowLong, Arg: "TIME", Default: "0s", Reload: true,
			Help: "time a request may take before it is answered 504"},
		{Name: "die_timeout", into: &s.DieTimeout, Group: groupHowLong, Arg: "TIME", Default: "1m",
			Help: "time workers have to finish when the server stops"},
		{Name: "retire_timeout", into: &s.RetireTimeout, Group: groupHowLong, Arg: "TIME", Default: "0s", Reload: true,
			Help: "time a worker has to finish on reload, recycling and upgrade"},
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

		{Name: "max_body_size", into: &s.MaxBodySize, Group: groupLimits, Arg: "SIZE", Default: "64m",
			Help: "largest request body; 0 is no limit"},
		{Name: "clear_env", into: &s.ClearEnv, Group: groupLimits, Default: "false",
			Help: "in fork mode, workers do not inherit the server's environment"},
		{Name: "env", into: &s.Env, Group: groupLimits, Arg: "K=V", check: assignment,
			Help: "variable for the environment of workers in fork mode, repeatable"},

		{Name: "admin", into: &s.Admin, Group: groupAdmin, Arg: "URL", Default: "a socket in the user's runtime directory", derived: true, check: adminURL,
			Help: "where status and ctl reach the server: http+unix:///path, http://127.0.0.1:port or off"},

		{Name: "config", Aliases: []string{"conf_file"}, into: &s.Config, Group: groupFile, Arg: "FILE",
			Help: "settings in TOML if the name ends in .toml, else in lines of a key and a value, as for Net::Server"},
	}
}
