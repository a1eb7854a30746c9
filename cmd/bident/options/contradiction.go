package options

import (
	"fmt"
	"slices"
	"strings"
)

// contradictions reports settings that are well-formed each, but make no sense
// together. It is configuration that is wrong then, wherever the values stand.
func (r *reading) contradictions() {
	program := len(r.Program) > 0
	if program && r.App != "" {
		r.contradict("app", "an application and a program are given, but only one can be served", "leave out one of them", "program")
	}
	external := program || r.CGIBin != ""
	if !external && len(r.Upstream) == 0 && r.Root == "" && r.App == "" {
		r.contradict("app", "nothing to serve", "demo, files below --root, or a program after --", "program", "root", "cgi_bin", "upstream")
	}
	r.cgi(program)
	r.upstreams(program)
	r.files(program || len(r.Upstream) > 0)
	if r.App != "" && r.App != "demo" {
		r.contradict("app", fmt.Sprintf("there is no application %q", r.App), "demo is the one that is built in")
	}
	if program && r.DemoFaults {
		r.contradict("demo_faults", "makes no sense with a program", "it is a setting of the demo", "program")
	}
	r.php(program)
	if program && r.Program[0] == "" {
		r.contradict("program", "the name of the program is empty", "")
	}
	if len(r.Listen) == 0 {
		r.contradict("listen", "there is no address to serve on", "leave it out for http://127.0.0.1:8080")
	}
	r.outside()
	if len(r.WebServer) > 0 && !slices.ContainsFunc(r.Listen, func(url string) bool { return strings.HasPrefix(url, "fcgi") }) {
		r.contradict("web_server", "makes no sense without an address for FastCGI", "clients by HTTP are let in by cidr_allow", "listen")
	}
	r.certificates()
	r.access()
	r.ways(external)
	r.numbers()
}

// outside reports what sockets that are there already cannot be combined with.
func (r *reading) outside() {
	if r.Mode == "emulate" || r.Accept == "auto" && !r.PerRequest || r.Accept == "request" {
		return
	}
	how := "accept " + r.Accept
	if r.PerRequest {
		how = "per_request"
	}
	for _, u := range r.Listen {
		scheme, _, _ := strings.Cut(u, "://")
		if strings.HasSuffix(scheme, "+fd") || strings.HasSuffix(scheme, "+systemd") {
			r.contradict("listen", fmt.Sprintf("%s makes no sense with %s", u, how), "accept request, or mode emulate, can have a socket that is there already", "accept", "per_request")
		}
	}
}

// files reports what contradicts serving files, or not doing so.
func (r *reading) files(program bool) {
	r.scripts(program)
	if r.Root == "" {
		if !slices.Equal(r.Index, []string{defaultIndex}) {
			r.contradict("index", "makes no sense without root", "it is what stands for a directory of files", "root")
		}
		return
	}
	if len(r.Index) == 0 {
		r.contradict("index", "there is no name that could stand for a directory", "leave it out for "+defaultIndex)
	}
	if r.App != "" {
		r.contradict("app", "an application and files are given, but only one can be served", "leave out one of them", "root")
	}
	if r.DemoFaults {
		r.contradict("demo_faults", "makes no sense with files", "it is a setting of the demo", "root")
	}
}

// scripts reports what contradicts what is a program's.
func (r *reading) scripts(program bool) {
	for _, s := range []struct {
		key       string
		set, root bool // root: it needs one
	}{
		{"match", r.Match != "", false}, {"script", r.Script != "", false},
		{"fallback", r.Fallback != "", true}, {"sendfile_root", len(r.SendfileRoot) > 0, true},
	} {
		switch {
		case !s.set:
		case !program:
			r.contradict(s.key, "makes no sense without a program", "it is about what the program answers", "program")
		case s.root && r.Root == "":
			r.contradict(s.key, "makes no sense without root", "it is for a program with a directory", "root")
		}
	}
	if r.Fallback != "" && r.Script != "" {
		r.contradict("fallback", "makes no sense with script", "that answers where there is nothing", "script")
	}
}

// ways reports settings that make no sense in the chosen mode.
func (r *reading) ways(program bool) {
	if r.Mode == "emulate" {
		if program {
			r.contradict("mode", "a program cannot be served in mode emulate", "its workers are processes: mode fork", "program")
			return
		}
		inFork := func(key, why string) {
			r.contradict(key, "makes no sense in mode emulate", why, "mode", "program")
		}
		if r.GOMAXPROCS != 0 {
			inFork("gomaxprocs", "it is for each child of mode fork; the server heeds the variable GOMAXPROCS")
		}
		if r.Accept != "auto" && !(r.Accept == "request" && len(r.Upstream) > 0) {
			inFork("accept", r.Accept+" needs mode fork")
		}
		if r.MaxMemory != 0 {
			inFork("max_memory", "only the children of mode fork have memory of their own")
		}
		if r.KillMemory != 0 {
			inFork("kill_memory", "only the children of mode fork have memory of their own")
		}
		if d, _ := ParseDuration(defaultCheckForDead); r.CheckForDead != d {
			inFork("check_for_dead", "only the children of mode fork can die unnoticed")
		}
		if r.PerRequest {
			inFork("per_request", "its children are processes: mode fork")
		}
		if r.LockFile != "" {
			inFork("lock_file", "it is for accept flock of mode fork")
		}
		if r.ClearEnv {
			inFork("clear_env", "only the children of mode fork have an environment of their own")
		}
		if len(r.Env) > 0 {
			inFork("env", "only the children of mode fork have an environment of their own")
		}
	}
	if r.Mode == "emulate" {
		r.emulated()
	}
	if r.Cgroup == "" {
		const why = "it names the directory in which workers get groups"
		if r.CgroupMemoryMax != 0 {
			r.contradict("cgroup_memory_max", "makes no sense without cgroup", why, "cgroup")
		}
		if r.CgroupCPUMax != "" {
			r.contradict("cgroup_cpu_max", "makes no sense without cgroup", why, "cgroup")
		}
	}
	if program && r.Accept != "request" && r.Accept != "auto" {
		r.contradict("accept", r.Accept+" makes no sense with a program", "auto or request: the server accepts for the program", "program")
	}
	if r.Mode != "emulate" && r.LockFile != "" && r.Accept != "flock" {
		r.contradict("lock_file", "makes no sense with accept "+r.Accept, "it is for accept flock", "accept")
	}
	if r.Mode != "emulate" && r.Accept == "classic" && r.Concurrency > 1 {
		r.contradict("concurrency", fmt.Sprintf("%d makes no sense with accept classic", r.Concurrency), "a child serves one connection at a time: concurrency 1", "accept")
	}
	if r.Mode != "emulate" && r.PerRequest {
		r.perRequest(program)
	}
	if program && r.GOMAXPROCS != 0 {
		r.contradict("gomaxprocs", "makes no sense with a program", fmt.Sprintf("env GOMAXPROCS=%d tells a program in Go", r.GOMAXPROCS), "program")
	}
}

// emulated reports isolation that only a process of its own can have.
func (r *reading) emulated() {
	for _, s := range []struct {
		key string
		set bool
	}{
		{"no_new_privs", r.NoNewPrivs}, {"rlimit_as", r.RlimitAS != 0}, {"rlimit_nofile", r.RlimitNofile != 0},
		{"rlimit_core", r.RlimitCore != ""},
		{"nice", r.Nice != 0}, {"cpus", r.CPUs != ""}, {"cgroup", r.Cgroup != ""},
	} {
		if s.set {
			r.contradict(s.key, "makes no sense in mode emulate", "only the children of mode fork can have it", "mode", "program")
		}
	}
}

// perRequest reports what a child for each connection cannot be combined with.
func (r *reading) perRequest(program bool) {
	switch {
	case program:
		r.contradict("per_request", "makes no sense with a program", "it is for applications that are built in, and Go handlers", "program")
	case r.Accept != "auto" && r.Accept != "dispatch":
		r.contradict("per_request", "makes no sense with accept "+r.Accept, "auto or dispatch: the parent passes each connection to its child", "accept")
	case r.Concurrency > 1:
		r.contradict("per_request", fmt.Sprintf("makes no sense with concurrency %d", r.Concurrency), "a child serves one connection: concurrency 1", "concurrency")
	}
}

// numbers reports limits of which one excludes the other. Derived numbers are not
// looked at: what they are derived from is.
func (r *reading) numbers() {
	r.atMost("min_servers", r.MinServers, "max_servers", r.MaxServers)
	r.atMost("start_servers", r.StartServers, "max_servers", r.MaxServers)
	r.atMost("min_spare_servers", r.MinSpareServers, "max_servers", r.MaxServers)
	if r.MaxIdle > 0 && r.MinServers >= r.MaxServers {
		r.contradict("max_idle", "makes no sense with a fixed number of workers", "min_servers is to be less than max_servers", "min_servers", "max_servers")
	}
	if r.MaxSpareServers > 0 {
		r.atMost("min_spare_servers", r.MinSpareServers, "max_spare_servers", r.MaxSpareServers)
	}
	if r.MaxRequests > 0 {
		r.lessThan("max_requests_jitter", r.MaxRequestsJitter, "max_requests", r.MaxRequests)
	}
	if r.KillMemory > 0 && r.KillMemory < r.MaxMemory {
		r.contradict("kill_memory", fmt.Sprintf("%s is less than max_memory, %s by %s", formatSize(r.KillMemory), formatSize(r.MaxMemory), r.Origin("max_memory")),
			"at least "+formatSize(r.MaxMemory), "max_memory")
	}
	r.lessThan("max_unavailable", r.MaxUnavailable, "max_servers", r.MaxServers)
	if r.StartServers < r.MinServers && r.IsSet("start_servers") {
		r.contradict("start_servers", fmt.Sprintf("%d is less than min_servers, %d by %s", r.StartServers, r.MinServers, r.Origin("min_servers")),
			fmt.Sprintf("at least %d", r.MinServers), "min_servers", "max_servers")
	}
	if r.MaxSurge == 0 && r.MaxUnavailable == 0 {
		r.contradict("max_surge", "with max_surge 0 and max_unavailable 0 no worker could ever be replaced", "one of them at least 1", "max_unavailable")
	}
}

// atMost reports a number that is above another one, the limit.
func (r *reading) atMost(key string, n int, limitKey string, limit int) {
	r.below(key, n, limitKey, limit, limit, "more than")
}

// lessThan reports a number that reaches another one, the limit.
func (r *reading) lessThan(key string, n int, limitKey string, limit int) {
	r.below(key, n, limitKey, limit, limit-1, "not less than")
}

func (r *reading) below(key string, n int, limitKey string, limit, most int, relation string) {
	if n > most && r.IsSet(key) {
		r.contradict(key, fmt.Sprintf("%d is %s %s, %d by %s", n, relation, limitKey, limit, r.Origin(limitKey)),
			fmt.Sprintf("at most %d", most), limitKey)
	}
}

// contradict adds a problem with key, unless it or one of the other keys
// concerned was reported as malformed: the contradiction may be a mere
// consequence.
func (r *reading) contradict(key, what, hint string, others ...string) {
	for _, k := range append(others, key) {
		if r.refused[k] {
			return
		}
	}
	at, set := r.origins[key]
	for _, k := range others {
		if !set {
			at, set = r.origins[k]
		}
	}
	r.problems = append(r.problems, Problem{Where: at.where(), What: at.label(key) + what, Hint: hint})
}
