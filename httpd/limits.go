package httpd

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bident/bident/pool"
)

// The defaults of Limits.
const (
	DefaultMaxHeaderSize = 64 << 10
	DefaultMaxBodySize   = 64 << 20
	DefaultHeaderTimeout = 15 * time.Second
	DefaultReadTimeout   = 60 * time.Second
	DefaultWriteTimeout  = 60 * time.Second
	DefaultIdleTimeout   = 60 * time.Second
	DefaultBodyMemory    = 256 << 20
	DefaultBodyDisk      = 4 << 30
)

// Limits bound what a client may send and how long it may take. Zero values are
// the defaults; pool.NoLimit is no limit, for times, MaxBodySize and
// MaxConnsPerAddress only.
//
// A client that exceeds a limit of time holds no worker meanwhile: requests are
// read before they ask for one, and answers are sent after it has been let go.
// Only streamed answers hold their lane until the client has taken all but 64 KiB;
// the package comment says which these are.
// Times are looked at a few times in each, at most every second: a client gets
// up to a quarter more than the limit, never less.
type Limits struct {
	// MaxHeaderSize is the most octets that the request line and the header
	// fields may have together; more is answered 431 (RFC 6585, section 5), or
	// 414 if the target alone is too long. Trailers have the same limit.
	// Default 64 KiB, at least 1 KiB.
	MaxHeaderSize int
	// MaxBodySize is the most octets that a request's body may have; more is
	// answered 413 (RFC 9110, section 15.5.14). Default 64 MiB; pool.NoLimit is no
	// limit, but for what the disk takes: see BodyMemory.
	MaxBodySize int
	// HeaderTimeout is the time for the whole head of a request, from its first
	// octet, or from the beginning of the connection for the first one. After
	// it the answer is 408. Default 15 s.
	HeaderTimeout time.Duration
	// ReadTimeout is the time that a body may make no progress before the
	// answer is 408. Default 60 s.
	ReadTimeout time.Duration
	// WriteTimeout is the time that an answer may make no progress before the
	// connection is cut. Default 60 s.
	WriteTimeout time.Duration
	// IdleTimeout is the time that a kept connection may wait for its next
	// request. Default 60 s.
	IdleTimeout time.Duration
	// BodyMemory is how many octets of all requests' bodies a process keeps in
	// memory at a time. Beyond it, and beyond 1 MiB of a single body, they go
	// to a temporary file. Default 256 MiB.
	BodyMemory int64
	// BodyDisk is how many octets of requests' bodies a process keeps in
	// temporary files at a time; a body for which there is no room is answered
	// 503. Default 4 GiB.
	BodyDisk int64
	// MaxConnsPerAddress is how many connections a client's address may have
	// at a time; one more is closed at once. Where children accept, each counts
	// the connections that it has: with one at a time nothing is ever too many.
	// Default pool.NoLimit.
	MaxConnsPerAddress int
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.MaxHeaderSize, DefaultMaxHeaderSize)
	orDefault(&l.MaxBodySize, DefaultMaxBodySize)
	if l.MaxBodySize == pool.NoLimit {
		l.MaxBodySize = math.MaxInt // which no body reaches
	}
	orDefault(&l.HeaderTimeout, DefaultHeaderTimeout)
	orDefault(&l.ReadTimeout, DefaultReadTimeout)
	orDefault(&l.WriteTimeout, DefaultWriteTimeout)
	orDefault(&l.IdleTimeout, DefaultIdleTimeout)
	orDefault(&l.BodyMemory, DefaultBodyMemory)
	orDefault(&l.BodyDisk, DefaultBodyDisk)
	orDefault(&l.MaxConnsPerAddress, pool.NoLimit)
	return l
}

func orDefault[T int | int64 | time.Duration](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// Validate reports every impossible value at once, nil if there is none.
func (l Limits) Validate() error {
	l = l.withDefaults()
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
	if l.MaxHeaderSize < 1<<10 {
		bad("MaxHeaderSize %d is less than 1024, with which no client could work", l.MaxHeaderSize)
	}
	if l.MaxBodySize < 0 {
		bad("MaxBodySize %d is negative", l.MaxBodySize)
	}
	if l.BodyMemory < 0 {
		bad("BodyMemory %d is negative", l.BodyMemory)
	}
	if l.BodyDisk < 0 {
		bad("BodyDisk %d is negative", l.BodyDisk)
	}
	for name, d := range map[string]time.Duration{
		"HeaderTimeout": l.HeaderTimeout, "ReadTimeout": l.ReadTimeout,
		"WriteTimeout": l.WriteTimeout, "IdleTimeout": l.IdleTimeout,
	} {
		if d < 0 && d != pool.NoLimit {
			bad("%s %v is negative", name, d)
		}
	}
	if l.MaxConnsPerAddress < 0 && l.MaxConnsPerAddress != pool.NoLimit {
		bad("MaxConnsPerAddress %d is negative", l.MaxConnsPerAddress)
	}
	return errors.Join(problems...)
}

// tick is how often the front looks at its connections' times.
func (l Limits) tick() time.Duration {
	shortest := 4 * time.Second
	for _, d := range []time.Duration{l.HeaderTimeout, l.ReadTimeout, l.WriteTimeout, l.IdleTimeout} {
		if d > 0 {
			shortest = min(shortest, d)
		}
	}
	return max(shortest/4, 10*time.Millisecond)
}
