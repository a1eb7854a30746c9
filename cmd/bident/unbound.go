package main

import (
	"strings"
	"syscall"

	"github.com/bident/bident/cmd/bident/options"
)

// located is an error in other words, which name places.
type located struct {
	refusal
	err error
}

func (l located) Unwrap() error { return l.err }

// Is leaves it to the error what it is.
func (l located) Is(error) bool { return false }

// unbound are the problems with addresses that could not be bound, with the places
// where they were given.
func unbound(s *options.Settings, err error) refusal {
	all := lines(err)
	for i, line := range all {
		key := "listen"
		what := strings.TrimPrefix(line, "cannot listen: ")
		if rest, ok := strings.CutPrefix(what, "admin: "); ok {
			key, what = "admin", rest
		}
		if rest, ok := strings.CutPrefix(what, "listen "); ok {
			what = "cannot listen on " + strings.Replace(rest, ": bind: ", ": ", 1)
		}
		all[i] = s.AddressProblem(key, what, unboundHint(what)).String()
	}
	return all
}

// unboundHint is what helps, empty if the reason says all there is to say.
func unboundHint(what string) string {
	unix := strings.HasPrefix(what, "cannot listen on unix ")
	switch is := func(e error) bool { return strings.HasSuffix(what, ": "+e.Error()) }; {
	case unix && is(syscall.ENOENT):
		return "the directory has to be there"
	case unix && is(syscall.EINVAL):
		return "the path of a UNIX socket has at most 107 octets"
	case unix && is(syscall.EACCES):
		return "the server has to be allowed to write to the directory"
	case is(syscall.EACCES):
		return "ports below 1024 are for root, or CAP_NET_BIND_SERVICE"
	}
	return ""
}
