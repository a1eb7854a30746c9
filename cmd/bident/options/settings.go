package options

import (
	"runtime"
	"slices"
)

// Settings are the effective settings of one Load, and where each came from.
type Settings struct {
	Serve
	origins map[string]origin // of the keys that were set explicitly
	ignored Problems
}

// Ignored lists what stands in the php-fpm file and has no effect, with the place
// of each and the reason as a hint. It is nil if there is nothing, or no such file.
func (s *Settings) Ignored() Problems { return s.ignored }

// Unprivileged takes back what a php-fpm file says that only root can do, as
// php-fpm does, and adds it to Ignored: user, group, nice and socket_owner. It is
// for a server that is not root's. What another source says stays.
func (s *Settings) Unprivileged() {
	for _, k := range table(&s.Serve) {
		at := s.origins[k.Name]
		if at.from != fromFPM || !slices.Contains([]string{"user", "group", "nice", "socket_owner"}, k.Name) {
			continue
		}
		switch p := k.into.(type) {
		case *string:
			*p = ""
		case *int:
			*p = 0
		}
		delete(s.origins, k.Name)
		s.ignored = append(s.ignored, Problem{Where: at.where(), What: at.key + ": ignored", Hint: "only root can do that"})
	}
}

// Origin says where the value of a key came from: "flag --max-servers",
// "arguments after --", "environment BIDENT_MAX_SERVERS", "bident.toml:3" or
// "default". An alias that was used is named. Unknown keys are "default".
func (s *Settings) Origin(key string) string { return s.origins[key].String() }

// Problem says what is wrong with the value of a key, and where it was given, as
// Load would. It is for what only the use of the value brings to light.
func (s *Settings) Problem(key, what, hint string) Problem {
	at := s.origins[key]
	return Problem{Where: at.where(), What: at.label(key) + what, Hint: hint}
}

// AddressProblem is Problem for the keys of addresses: where none was set the place is
// the flag, and the hint says that the address is the default.
func (s *Settings) AddressProblem(key, what, hint string) Problem {
	p := s.Problem(key, what, hint)
	if !s.IsSet(key) {
		p.Where, p.Hint = flagName(key), "it is the default; another address can be given"
		if hint != "" {
			p.Hint = hint + "; it is the default, another address can be given"
		}
	}
	return p
}

// IsSet reports whether a key was set explicitly, be it to its default.
func (s *Settings) IsSet(key string) bool { _, ok := s.origins[key]; return ok }

// derive fills in the defaults that depend on other settings.
func (s *Settings) derive() {
	program := len(s.Program) > 0
	external := program || s.CGIBin != ""
	if !s.IsSet("app") && !external && len(s.Upstream) == 0 && s.Root == "" {
		s.App = "demo"
	}
	if !s.IsSet("index") {
		s.Index = []string{defaultIndex}
		if (program || len(s.Upstream) > 0) && s.Root != "" {
			s.Index = []string{"index.php", defaultIndex}
		}
	}
	if !s.IsSet("mode") {
		s.Mode = "emulate"
		if external {
			s.Mode = "fork"
		}
	}
	if !s.IsSet("max_servers") {
		s.MaxServers = 50
		if s.Mode == "fork" {
			s.MaxServers = 2 * runtime.GOMAXPROCS(0) // heeds a container's CPU limit
		}
	}
	if !s.IsSet("min_servers") {
		s.MinServers = s.MaxServers
		if s.MinSpareServers > 0 || s.MaxSpareServers > 0 {
			s.MinServers = min(5, s.MaxServers)
		}
	}
	if !s.IsSet("start_servers") {
		s.StartServers = min(max(s.MinServers, s.MinSpareServers), s.MaxServers)
	}
	if !s.IsSet("max_requests") && s.Concurrency == 1 && !s.PerRequest {
		s.MaxRequests = 1000
	}
}

// Reloadable compares the settings that are running with newly read ones and
// returns the keys that differ but cannot be changed by a reload, in the order
// of the table. The reload is possible if there are none.
func Reloadable(running, read *Settings) []string {
	var fixed []string
	now, next := table(&running.Serve), table(&read.Serve)
	for i, k := range now {
		if k.Reload {
			continue
		}
		same := format(k.into) == format(next[i].into)
		if list, ok := k.into.(*[]string); ok {
			same = slices.Equal(*list, *next[i].into.(*[]string))
		}
		if !same {
			fixed = append(fixed, k.Name)
		}
	}
	return fixed
}
