package pool

import "time"

// NoLimit says that there is no limit, or none of a thing, where the zero value
// means the documented default.
const NoLimit = -1

// MaxSlots is how many workers a scoreboard has room for. Half of them may be
// wanted, so that there is always room for those that are being replaced or lost.
const MaxSlots = 4096

// MaxLanes is how many lanes all workers together may have.
const MaxLanes = 1 << 16

// Config says how many workers there are, how long each lives and how long a
// request waits. The zero value of each field means its default; a negative
// value other than NoLimit is an error. The names are those of
// Net::Server::PreFork where it has the option.
type Config struct {
	// MaxServers is the number of workers, or the highest number if a spare
	// limit is set. Default 50.
	MaxServers int
	// MinServers is the lowest number of workers. Default MaxServers, that is,
	// a fixed number; 5, at most MaxServers, once a spare limit is set.
	// NoLimit starts workers on demand, from none.
	MinServers int
	// MinSpareServers is how many idle workers there should be at least.
	// Default 0: the number does not depend on how many are idle.
	MinSpareServers int
	// MaxSpareServers is how many idle workers there should be at most.
	// Default: MinSpareServers, and 1 at least unless workers are started on
	// demand. With NoLimit no worker is let go because there are too many.
	MaxSpareServers int
	// StartServers is how many workers to start with, if their number follows
	// the load. Default MinServers, or MinSpareServers if that is more.
	StartServers int
	// CheckForWaiting is how long to wait between two looks for idle workers
	// that are too many. Default 10 s; NoLimit does not wait.
	CheckForWaiting time.Duration
	// CheckForSpawn is how long to wait, after the number of workers was
	// raised, before idle ones are let go. Default 30 s; NoLimit does not wait.
	CheckForSpawn time.Duration
	// MinChildTTL is how long a worker lives at least before it is let go for
	// being idle. Default 10 s; NoLimit means any age.
	MinChildTTL time.Duration
	// MaxIdle is how long a worker may go without a request, if their number follows
	// the load, before it is let go, as far as MinServers and MinSpareServers allow.
	// It is each worker's own time, to a quarter of a second, and CheckForWaiting,
	// CheckForSpawn and MinChildTTL play no part in it. If it is set, the default of
	// MaxSpareServers is no limit. Default: no limit. It is what php-fpm calls
	// pm.process_idle_timeout.
	MaxIdle time.Duration

	// Concurrency is the number of lanes of each worker. Default 1.
	Concurrency int
	// MaxRequests is how many requests a worker begins before it is replaced.
	// Default 1000 with Concurrency 1, else NoLimit.
	MaxRequests int
	// MaxRequestsJitter lowers MaxRequests for each worker by a random number
	// from 0 to this one, so that workers which started together do not end
	// together. Default 0; below MaxRequests.
	MaxRequestsJitter int
	// MaxLifetime is how long a worker lives before it is replaced. Default no
	// limit.
	MaxLifetime time.Duration
	// MaxMemory is how much resident memory (RSS) a worker that is a process may
	// have, in octets, before it is replaced: it finishes what it has in hand. It
	// is looked at once a second, and what the worker has started itself does not
	// count. Default no limit.
	MaxMemory int64
	// KillMemory is the same, but a worker that has more is killed at once, with
	// what it has in hand. Default no limit; not below MaxMemory.
	KillMemory int64
	// MaxSurge is how many workers more than wanted there may be while some
	// are being replaced. Default 1; NoLimit means none more.
	MaxSurge int
	// MaxUnavailable is how many of the wanted workers may be missing while
	// some are being replaced. Default 0.
	MaxUnavailable int
	// StartDelay is the time between the starts of two workers. Default 0.
	StartDelay time.Duration
	// MaxLost is how many abandoned handlers are made up for by new workers.
	// Default 10; NoLimit means none.
	MaxLost int

	// StartTimeout is how long a worker may take to be ready. Default 60 s;
	// NoLimit waits for ever.
	StartTimeout time.Duration
	// RequestTimeout is how long a handler may run before it is abandoned. One that
	// streams its answer may go on; of a program it is then how long that may say
	// nothing more, whereupon the answer is cut.
	// Default: no limit.
	RequestTimeout time.Duration
	// DieTimeout is how long workers may take to leave when the server stops.
	// Default 60 s; NoLimit waits for ever.
	DieTimeout time.Duration
	// RetireTimeout is how long a worker may take to leave when it is replaced.
	// Default: no limit.
	RetireTimeout time.Duration
	// CheckForDead is how often workers that are processes are looked at, in case
	// the news of a death was lost. One that two looks in a row find stopped by a
	// signal (SIGSTOP; not by a debugger) gets nothing more and is replaced, and is
	// killed if it still is stopped when its successor is ready. Default 30 s;
	// NoLimit means never. A worker that is to leave and is stopped is killed after
	// 5 s in any case. Mode emulate has no such workers.
	CheckForDead time.Duration

	// QueueSize is how many requests may wait for a lane. Default 1024;
	// NoLimit means none: a request that finds no idle lane is refused.
	QueueSize int
	// QueueTimeout is how long a request may wait for a lane. Default 30 s;
	// NoLimit waits for ever.
	QueueTimeout time.Duration

	// Seed makes the jitter repeatable. Default 0: a random seed.
	Seed uint64
}

// WithDefaults is the configuration with every zero value replaced by its
// default, and with NoLimit replaced by the 0 that the rest of the package
// works with; but for MaxSpareServers, where 0 is a default that depends on others
// and NoLimit stays. It must be called once: a second call would take that 0 for
// a default again.
func (c Config) WithDefaults() Config {
	spare := c.MinSpareServers > 0 || c.MaxSpareServers > 0
	def(&c.MaxServers, 50)
	if c.MinServers == 0 {
		c.MinServers = c.MaxServers
		if spare {
			c.MinServers = min(5, c.MaxServers)
		}
	}
	none(&c.MinServers)
	def(&c.StartServers, min(max(c.MinServers, c.MinSpareServers), c.MaxServers))
	none(&c.StartServers)
	def(&c.CheckForWaiting, 10*time.Second)
	def(&c.CheckForSpawn, 30*time.Second)
	def(&c.MinChildTTL, 10*time.Second)
	none(&c.CheckForWaiting)
	none(&c.CheckForSpawn)
	none(&c.MinChildTTL)
	none(&c.MaxIdle)
	def(&c.Concurrency, 1)
	if c.Concurrency == 1 {
		def(&c.MaxRequests, 1000)
	}
	none(&c.MaxRequests)
	none(&c.MaxLifetime)
	none(&c.MaxMemory)
	none(&c.KillMemory)
	none(&c.StartDelay)
	def(&c.MaxSurge, 1)
	none(&c.MaxSurge)
	def(&c.MaxLost, 10)
	none(&c.MaxLost)
	def(&c.StartTimeout, time.Minute)
	none(&c.StartTimeout)
	none(&c.RequestTimeout)
	def(&c.DieTimeout, time.Minute)
	none(&c.DieTimeout)
	none(&c.RetireTimeout)
	def(&c.CheckForDead, 30*time.Second)
	none(&c.CheckForDead)
	def(&c.QueueSize, 1024)
	none(&c.QueueSize)
	def(&c.QueueTimeout, 30*time.Second)
	none(&c.QueueTimeout)
	return c
}

func def[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

func none[T int | int64 | time.Duration](v *T) {
	if *v == NoLimit {
		*v = 0
	}
}

// Elastic reports whether the number of workers follows the load.
func (c *Config) Elastic() bool { return c.MinServers < c.MaxServers }
