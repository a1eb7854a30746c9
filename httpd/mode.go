package httpd

import (
	"fmt"
	"strings"

	"github.com/bident/bident/fork"
)

// Mode is the kind of worker.
type Mode int

// The kinds of worker.
const (
	// Emulate makes workers of goroutines. It works everywhere Go does.
	Emulate Mode = iota
	// Fork makes workers of operating system processes. It needs Linux.
	Fork
)

// String is "emulate" or "fork".
func (m Mode) String() string {
	switch m {
	case Emulate:
		return "emulate"
	case Fork:
		return "fork"
	}
	return fmt.Sprintf("Mode(%d)", int(m))
}

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, so that a Mode can be a flag.
func (m *Mode) UnmarshalText(text []byte) error {
	return unmarshalName(text, m, Emulate, Fork)
}

// Accept says who accepts connections in fork mode.
type Accept int

// The ways to accept connections.
const (
	// AcceptAuto is AcceptRequest with one lane per worker, for programs and for
	// sockets that are there already, and AcceptSlot with more lanes.
	AcceptAuto Accept = iota
	// AcceptRequest keeps all connections in the parent, which dispatches each
	// request to the lane that pulls it.
	AcceptRequest
	// AcceptSlot gives each child a listening socket of its own, which its
	// successor inherits with all connections that wait in it.
	AcceptSlot
	// AcceptClassic gives all children one listener. Each serves one connection at
	// a time, in the blocking way of Apache's and Perl's pre-forking servers.
	AcceptClassic
	// AcceptShared gives all children one listener.
	AcceptShared
	// AcceptFlock, AcceptSemaphore and AcceptPipe do the same, but only one child
	// waits in accept at a time: the one that has locked a file, that has the
	// semaphore, or that has read the token from a pipe (Net::Server's serialize).
	// A child that dies there makes way; while one is stopped there (SIGSTOP) nobody
	// accepts until it is replaced, after two looks (Pool.CheckForDead).
	AcceptFlock
	AcceptSemaphore
	AcceptPipe
	// AcceptDispatch lets the parent accept and pass each connection to the child
	// that has the fewest.
	AcceptDispatch
)

// accepts are their names.
var accepts = [...]string{"auto", "request", "slot", "classic", "shared", "flock", "semaphore", "pipe", "dispatch"}

// String is the word that the option has for it.
func (a Accept) String() string {
	if a >= 0 && int(a) < len(accepts) {
		return accepts[a]
	}
	return fmt.Sprintf("Accept(%d)", int(a))
}

// inChildren reports whether the children own the clients' connections.
func (a Accept) inChildren() bool { return a >= AcceptSlot }

// holding reports whether connections are in children that accept in the way of
// that name.
func holding(accept string) bool {
	var a Accept
	return a.UnmarshalText([]byte(accept)) == nil && a.inChildren()
}

// fork is what package fork calls it; auto is none.
func (a Accept) fork() fork.Accept { return fork.Accept(a - AcceptRequest) }

// MarshalText implements encoding.TextMarshaler.
func (a Accept) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Accept) UnmarshalText(text []byte) error {
	return unmarshalName(text, a, AcceptAuto, AcceptRequest, AcceptSlot, AcceptClassic, AcceptShared,
		AcceptFlock, AcceptSemaphore, AcceptPipe, AcceptDispatch)
}

func unmarshalName[T fmt.Stringer](text []byte, v *T, all ...T) error {
	names := make([]string, len(all))
	for i, one := range all {
		if names[i] = one.String(); names[i] == string(text) {
			*v = one
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
}
