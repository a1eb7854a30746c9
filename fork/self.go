package fork

import (
	"net"
	"os"

	"github.com/bident/bident/pool"
)

// CommandKind says what a child is told.
type CommandKind int

// What a parent tells its children.
const (
	_      CommandKind = iota
	Retire             // finish what is in hand, take nothing more, exit with status 0
	Adopt              // accept from these sockets, too
	Give               // here is a file
	Yield              // accept no more from these sockets
)

// Command is something that the parent tells a child.
type Command struct {
	Kind CommandKind
	// Listeners are the sockets of Adopt, by address; nil where there is none. Those
	// of Yield are the same that an Adopt has brought; whoever accepts from them
	// closes them, and their connections wait for others.
	Listeners []net.Listener
	// Name says what the File of Give is, which belongs to whoever reads it.
	Name string
	File *os.File
	// Last says, of Retire, that the server stops: nobody is there to take the
	// connections of this child.
	Last bool
}

// Exit statuses of a child that has something to say about itself.
const (
	exitOrphan    = 1  // the parent is gone
	exitUnclaimed = 70 // no server of the program claimed the child, or it is no child of ours
)

// Identity is what a child was told about itself.
type Identity struct {
	Name       string // of the server that it works for
	Slot       int
	Generation int
	Lanes      int
	Accept     Accept
	// Scoreboard is shared with the parent and all other children.
	Scoreboard *pool.Scoreboard
	// Payload is what the parent's Config said, octet for octet.
	Payload []byte
}
