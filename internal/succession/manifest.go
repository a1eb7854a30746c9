package succession

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Protocol is the version of all that the two processes agree on.
const Protocol = 1

// Variable is the environment variable that makes a process a successor.
const Variable = "BIDENT_UPGRADE"

// maxSockets bounds what a manifest may list.
const maxSockets = 1 << 16

var (
	// ErrForged says that this process is marked as a successor in a way that no
	// server does, or that the server which has marked it is gone.
	ErrForged = errors.New(Variable + " is set, but no server has started this process as its successor")
	// ErrProtocol says that the two processes speak different versions.
	ErrProtocol = errors.New("the program speaks another version of the upgrade: stop the server and start the new one")
	// ErrSilent says that the program did not say hello in time.
	ErrSilent = errors.New("the program is no such server: it has not said hello")
	// ErrGone says that the other process is gone.
	ErrGone = errors.New("the other process is gone")
)

// Use says what a socket is for.
type Use string

// What sockets are for.
const (
	Listen Use = "listen"
	Admin  Use = "admin"
)

// Socket is a listening socket that is passed on.
type Socket struct {
	Use     Use
	Network string
	Address string // as configured, which is how the successor knows it again
	Bound   string // what it is bound to
	Index   int    // of the address among those of the old process
	FD      int    `json:"-"`
}

// Manifest is what the old process tells its successor.
type Manifest struct {
	Protocol   int
	Name       string // of the server
	Generation int    // the first one of the successor
	Sockets    []Socket
}

// parseManifest reads a manifest that comes with a number of sockets.
func parseManifest(text []byte, sockets int) (m Manifest, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	if m.Protocol != Protocol {
		return m, fmt.Errorf("%w (%d here, %d there)", ErrProtocol, Protocol, m.Protocol)
	}
	if len(m.Sockets) != sockets || m.Generation < 1 {
		return m, fmt.Errorf("manifest: %d sockets for %d descriptors, generation %d", len(m.Sockets), sockets, m.Generation)
	}
	for _, s := range m.Sockets {
		if s.Use != Listen && s.Use != Admin || s.Index < 0 {
			return m, fmt.Errorf("manifest: socket %q of address %d", s.Use, s.Index)
		}
	}
	return m, nil
}

// mark is the value of Variable.
type mark struct {
	protocol int
	pid      int // of the old process
	sockets  int
}

func (m mark) String() string { return fmt.Sprintf("%d:%d:%d", m.protocol, m.pid, m.sockets) }

// parseMark reads a mark. Of one of another version only the version is read.
func parseMark(text string) (m mark, err error) {
	fields := strings.Split(text, ":")
	m.protocol, err = strconv.Atoi(fields[0])
	if err != nil || m.protocol < 1 {
		return m, ErrForged
	}
	if m.protocol != Protocol {
		return m, ErrProtocol
	}
	if len(fields) != 3 {
		return m, ErrForged
	}
	m.pid, err = strconv.Atoi(fields[1])
	if err == nil {
		m.sockets, err = strconv.Atoi(fields[2])
	}
	if err != nil || m.pid < 1 || m.sockets < 0 || m.sockets > maxSockets {
		return m, ErrForged
	}
	return m, nil
}

// The words on the control socket.
const (
	wordHello  = "hello"
	wordReady  = "ready"
	wordYours  = "yours"
	wordTaken  = "taken"
	wordFailed = "failed"
	wordNo     = "no"
	wordSignal = "signal"
	wordStop   = "stop"
)

// maxMessage is how long a message may be.
const maxMessage = 8 << 10

// parseHello reads what follows hello.
func parseHello(rest string) error {
	version, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("%w but %.40q", ErrSilent, rest)
	}
	if n != Protocol {
		return fmt.Errorf("%w (%d here, %d there)", ErrProtocol, Protocol, n)
	}
	return nil
}
