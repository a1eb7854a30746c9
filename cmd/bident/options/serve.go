package options

import (
	"io/fs"
	"time"
)

// Serve holds every setting of "bident serve". Load fills it completely: the
// values are effective ones, with defaults applied. The defaults, units and
// meanings of 0 are in the table, from which "bident serve --help" is made.
type Serve struct {
	// What is served. App is empty if Program is given.
	App        string
	DemoFaults bool
	Program    []string // the external program and its arguments

	// Where.
	Listen     []string    // URLs
	Backlog    int         // 0: the system's maximum
	SocketMode fs.FileMode // of UNIX sockets; 0: what the umask leaves

	// How.
	Mode        string // "emulate" or "fork"
	Concurrency int    // lanes per worker, at least 1
	Accept      string // "auto", "request" or "slot"
	GOMAXPROCS  int    // per child; 0: the server decides

	// How many.
	MaxServers      int // at least 1
	MinServers      int // 0: workers are started on demand
	MinSpareServers int // 0: no limit
	MaxSpareServers int // 0: no limit
	StartServers    int
	CheckForWaiting time.Duration
	CheckForSpawn   time.Duration
	MinChildTTL     time.Duration
	MaxSurge        int
	MaxUnavailable  int
	StartDelay      time.Duration

	// How long. 0 means no limit, but for MaxLost, where it means none.
	MaxRequests       int
	MaxRequestsJitter int
	MaxLifetime       time.Duration
	StartTimeout      time.Duration
	RequestTimeout    time.Duration
	DieTimeout        time.Duration
	RetireTimeout     time.Duration
	MaxLost           int

	// Queue.
	QueueSize    int           // 0: none may wait
	QueueTimeout time.Duration // 0: no limit

	// Daemon.
	PIDFile   string // empty: none
	LogFile   string // empty: standard error
	LogLevel  int    // 0 error ... 4 debug
	LogFormat string // "text" or "json"
	HUP       string // "reload" or "stop"

	// Limits.
	MaxBodySize int64    // octets; 0: no limit
	ClearEnv    bool     // workers do not inherit the server's environment
	Env         []string // K=V, added to the environment of workers

	// Admin is "off", a URL, or empty for the default socket.
	Admin string

	// Config is the path of the configuration file; empty: none.
	Config string
}
