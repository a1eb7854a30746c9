package httpd

import (
	"fmt"
	"strings"
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
	// AcceptAuto is AcceptRequest with one lane per worker and for programs,
	// and AcceptSlot with more lanes.
	AcceptAuto Accept = iota
	// AcceptRequest keeps all connections in the parent, which dispatches each
	// request to the lane that pulls it.
	AcceptRequest
	// AcceptSlot gives each child a listening socket of its own, which its
	// successor inherits with all connections that wait in it.
	AcceptSlot
)

// String is "auto", "request" or "slot".
func (a Accept) String() string {
	switch a {
	case AcceptAuto:
		return "auto"
	case AcceptRequest:
		return "request"
	case AcceptSlot:
		return "slot"
	}
	return fmt.Sprintf("Accept(%d)", int(a))
}

// MarshalText implements encoding.TextMarshaler.
func (a Accept) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Accept) UnmarshalText(text []byte) error {
	return unmarshalName(text, a, AcceptAuto, AcceptRequest, AcceptSlot)
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
