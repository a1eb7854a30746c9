package options

import (
	"io/fs"
	"time"
)

// Serve holds every setting of "bident serve". Load fills it completely: the
// values are effective ones, with defaults applied. The defaults, units and
// meanings of 0 are in the table, from which "bident serve --help" is made.
type Serve struct {
	// What is served. App is empty if Root, Program, CGIBin or Upstream is given.
	App        string
	DemoFaults bool
	Root       string   // directory of files, and of scripts of Program; empty: none
	Index      []string // with Root, names tried for a directory, at least one
	Program    []string // the external program and its arguments
	CGI        bool     // Program is started for each request
	CGIBin     string   // directory of CGI scripts; empty: none
	CGIPrefix  string   // what it stands for; begins and ends with a slash
	Upstream   []string // URLs of FastCGI listeners, instead of a program
	// UpstreamKeep is how long idle connections to them are kept; 0: not at all.
	UpstreamKeep time.Duration
	PHPValue     []string // arguments of -d, for PHP's programs only
	Param        []string // NAME=VALUE, of each request to a program

	// What of it is the program's.
	Match        string   // regular expression; empty: what is no file
	Script       string   // file; empty: the one that is asked for
	Fallback     string   // path below Root; empty: none
	SendfileRoot []string // directories
	// LimitExtensions are ends of the names of files, each not empty; "*" alone: all; none:
	// .php and .phar.
	LimitExtensions []string

	// Where.
	Listen      []string    // URLs
	Backlog     int         // 0: the system's maximum
	SocketMode  fs.FileMode // of UNIX sockets; 0: what the umask leaves
	SocketOwner string      // of UNIX sockets: USER, USER:GROUP or :GROUP; empty: the server's
	WebServer   []string    // addresses that may connect to those for FastCGI; none: see httpd.Server.WebServers

	// TLS. There are certificates or hosts if a URL of Listen is https.
	TLSCert       []string // files
	TLSKey        []string // in the order of TLSCert; none: in the same files
	TLSMinVersion string   // "1.2" or "1.3"
	RedirectHTTPS bool     // addresses for http answer with a redirect only
	HTTPSPort     int      // where to, 1 to 65535
	ACMEHost      []string // names to obtain certificates for
	ACMEEmail     string   // empty: none
	ACMECache     string   // directory; not empty if there are hosts
	ACMEDirectory string   // URL; empty: Let's Encrypt

	// How.
	Mode        string // "emulate" or "fork"
	Concurrency int    // lanes per worker, at least 1
	Accept      string // "auto", or one of the ways to accept
	LockFile    string // with "flock"; empty: a temporary one
	PerRequest  bool   // a child for each connection
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
	MaxIdle         time.Duration // 0: no limit
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
	MaxMemory         int64 // octets
	KillMemory        int64 // octets, not below MaxMemory
	CheckForDead      time.Duration
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

	// Access log.
	AccessLog       string        // file, "-" for standard output; empty: none
	AccessLogFormat string        // its name or its codes, not checked here
	RequestID       bool          // give requests ids
	SlowRequest     time.Duration // 0: none is logged

	// Access. Expressions and networks are well-formed.
	Allow          []string // expressions
	Deny           []string
	CIDRAllow      []string // networks and addresses
	CIDRDeny       []string
	ReverseLookups bool
	TrustedProxy   []string // networks, addresses, "loopback", "private", "unix"; "forwarded" for the field
	ProxyProtocol  bool     // only with a trusted proxy

	// Limits. 0 means no limit, but for MaxHeaderSize and BodyMemory, which are
	// never 0.
	MaxHeaderSize            int64 // octets, 1 KiB to 1 GiB
	MaxBodySize              int64 // octets
	BodyMemory               int64 // octets
	HeaderTimeout            time.Duration
	ReadTimeout              time.Duration
	WriteTimeout             time.Duration
	IdleTimeout              time.Duration
	MaxConnectionsPerAddress int
	ClearEnv                 bool     // workers do not inherit the server's environment
	Env                      []string // K=V, added to the environment of workers

	// Isolation. Names are not looked up here.
	User            string
	Group           string
	Groups          []string
	Chroot          string // absolute, as the other paths; empty: none
	WorkingDir      string
	Umask           string // octal; empty: as it is
	NoNewPrivs      bool
	RlimitAS        int64  // octets; 0: as it is
	RlimitNofile    int    // 0: as it is
	RlimitCore      string // a size or "unlimited"; empty: as it is
	Nice            int
	CPUs            string // as 0,2-3; empty: all
	Cgroup          string
	CgroupMemoryMax int64  // octets; 0: no limit
	CgroupCPUMax    string // a number; empty: no limit

	// Admin is "off", a URL, or empty for the default socket.
	Admin string

	// Config is the path of the configuration file; empty: none.
	Config string

	// PHPFPMConf is the path of the php-fpm file, PHPFPMPool the name of its pool;
	// empty: none, the only one.
	PHPFPMConf string
	PHPFPMPool string
}
