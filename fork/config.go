package fork

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/pool"
)

var (
	// ErrConfig is what every problem of a Config is.
	ErrConfig = errors.New("fork: configuration")
	// ErrProtocol says that a child speaks another version of the protocol
	// between parent and child: the program file was replaced by a release that
	// this process cannot be the parent of.
	ErrProtocol = errors.New("fork: program speaks another protocol, use upgrade")
	// ErrInit is what the error of a child's init hook is.
	ErrInit = errors.New("fork: init failed")
	// ErrClosed says that the backend was closed.
	ErrClosed = errors.New("fork: backend closed")
)

// Accept says how requests reach a worker.
type Accept int

// How requests reach a worker.
const (
	// Request: the parent owns the connections. Each of its lanes exchanges
	// requests with the child over a connection of its own to a private
	// listener, which an external program finds on descriptor 0.
	Request Accept = iota
	// Slot: the child accepts connections itself on its seat, and runs its
	// lanes itself. So it does with all that follow; they differ in where the
	// connections come from.
	Slot
	// Classic: one listener for all children, of which each serves one
	// connection at a time, in the blocking way of the lineage.
	Classic
	// Shared: one listener for all children.
	Shared
	// Flock: one listener, and a lock on a file around accept.
	Flock
	// Semaphore: one listener, and a semaphore around accept.
	Semaphore
	// Pipe: one listener, and a token in a pipe around accept.
	Pipe
	// Dispatch: the parent accepts and passes each connection to a child.
	Dispatch
)

// accepts are the words that the accept option has, in the order of the values.
var accepts = [...]string{"request", "slot", "classic", "shared", "flock", "semaphore", "pipe", "dispatch"}

// String is the word that the accept option has for it.
func (a Accept) String() string {
	if a >= 0 && int(a) < len(accepts) {
		return accepts[a]
	}
	return fmt.Sprintf("Accept(%d)", int(a))
}

// Owning reports whether the children own the clients' connections.
func (a Accept) Owning() bool { return a != Request }

// Address is one listen address of accepting children.
type Address struct {
	Network string        // "tcp", "tcp4", "tcp6" or "unix"
	Address string        // as for net.Listen; port 0 picks a port
	Mode    fs.FileMode   // of a UNIX socket's path, 0: by umask
	Owner   *listen.Owner // of a UNIX socket's path, nil: whoever makes it
	Backlog int           // 0: the system's maximum
	// File is a socket that listens already, such as one inherited from a
	// service manager; Network and Address play no part then. It can be closed
	// once the seats are open.
	File *os.File
	// Inherited are sockets at this address that another process has bound, one for
	// each seat, and listens on: the server before this one. The first must listen.
	// They belong to the seats, also if these cannot be opened.
	Inherited []int
}

// Config says what the children of a Backend are and how requests reach them.
type Config struct {
	// Name is the server's name: a child of a program with two servers learns
	// from it which one it works for.
	Name string
	// Program is an external program and its arguments, which finds its listen
	// socket on descriptor 0. Empty: this program itself, executed anew with
	// the same arguments from the file that it was started from, so that a
	// program deployed over it is what the next generation runs.
	Program []string
	// Accept says how requests reach the children. Slot is not possible with
	// an external program.
	Accept Accept
	// LockFile is the file that children lock with Flock. It is made if it is not
	// there, and stays behind; "" is a temporary one without a name.
	LockFile string
	// Seats are what accepting children listen on.
	Seats *Seats
	// Queue is what the parent's lanes pull from, with Request.
	Queue *pool.Queue
	// Runner makes what a lane of the parent does with a request, with
	// Request. It is called for each lane of each child that is ready.
	Runner func(c *Child, l *pool.Lane) pool.Runner
	// Join is told of every child that owns connections when it is ready, and Leave
	// when it has been told to leave, or is gone: no more connections are to be
	// sent to it. Both are called once at most, Join before the child is reported to
	// be ready, Leave only after Join and before its exit is reported; Leave may be
	// called by the supervisor, and must not wait. Arrive gets the connections that
	// children give away, one after the other of each child, as long as the child
	// lives, before Join and after Leave, too; they belong to it, and it must not wait
	// for the child. Without it children keep theirs. None of them with Request.
	Join, Leave func(c *Child)
	Arrive      func(c *Child, p ferry.Parcel)
	// Board is the scoreboard's memory. External programs do not need one.
	Board *Board
	// Env is added to the environment of children, as "NAME=value".
	Env []string
	// ClearEnv keeps the environment of this process from the children.
	ClearEnv bool
	// GOMAXPROCS is the number of threads that run Go code in each child. 0
	// leaves it to the environment.
	GOMAXPROCS int
	// Isolation is what the children are restricted to. New tries it.
	Isolation Isolation
	// Payload is given to children of this program, see Self.Payload.
	Payload []byte
	// Log gets what children write to standard output and standard error,
	// each line with slot and pid. nil: it is dropped.
	Log *slog.Logger
	// DieTimeout is how long a child with nothing left in hand may take to
	// leave before it is killed. 0 means 60 s, pool.NoLimit for ever.
	DieTimeout time.Duration

	protocol uint32        // what children are expected to speak; tests only
	weighing time.Duration // between two looks at their memory; tests only
	// heedPatience is how long those that are to leave may be stopped; tests only.
	heedPatience time.Duration
	// proofTime is how long the first program of a generation has to live; tests only.
	proofTime time.Duration
}

// External reports whether the children are an external program.
func (c *Config) External() bool { return len(c.Program) > 0 }

// exchange reports whether the parent's lanes dispatch the requests.
func (c *Config) exchange() bool { return !c.Accept.Owning() }

// Validate reports every problem of the configuration at once, in a joined error
// of ErrConfig; nil if there is none.
func (c *Config) Validate() error {
	var problems []error
	bad := func(wrong bool, text string) {
		if wrong {
			problems = append(problems, fmt.Errorf("%w: %s", ErrConfig, text))
		}
	}
	bad(c.Accept < Request || c.Accept > Dispatch, c.Accept.String()+" is unknown")
	bad(c.External() && c.Accept.Owning(), "an external program cannot accept by "+c.Accept.String())
	bad(c.External() && c.Program[0] == "", "the program has no name")
	bad(c.Accept.Owning() && c.Accept != Dispatch && c.Seats == nil, "accept "+c.Accept.String()+" needs seats")
	bad(c.Accept == Request && c.Queue == nil, "accept request needs a queue")
	bad(c.Accept == Request && c.Runner == nil, "accept request needs a runner")
	bad(c.LockFile != "" && c.Accept != Flock, "a lock file makes no sense with accept "+c.Accept.String())
	bad(!c.External() && c.Board == nil, "children of this program need a board")
	bad(c.GOMAXPROCS < 0, fmt.Sprintf("GOMAXPROCS %d is negative", c.GOMAXPROCS))
	bad(c.DieTimeout < pool.NoLimit, fmt.Sprintf("DieTimeout %s is negative", c.DieTimeout))
	lanes := 0
	if c.Board != nil {
		lanes = c.Board.Lanes()
	}
	problems = append(problems, c.Isolation.Validate(), c.Isolation.ValidateFor(c.Program, lanes))
	return errors.Join(problems...)
}

// dieTimeout is the effective DieTimeout, 0 for none.
func (c *Config) dieTimeout() time.Duration {
	switch c.DieTimeout {
	case 0:
		return time.Minute
	case pool.NoLimit:
		return 0
	}
	return c.DieTimeout
}
