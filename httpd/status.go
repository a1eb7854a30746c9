package httpd

import (
	"context"
	"os"
	"time"

	"github.com/bident/bident/pool"
)

// Status is the state of a server at one moment, in the form of /status.json.
type Status struct {
	Mode       string         `json:"mode"`
	Accept     string         `json:"accept"`
	PID        int            `json:"pid"`
	Generation int            `json:"generation"`
	Started    time.Time      `json:"started"`
	Listeners  []string       `json:"listeners"`
	Limits     map[string]any `json:"limits"`
	Totals     StatusTotals   `json:"totals"`
	Workers    []StatusWorker `json:"workers"`
	Exits      []StatusExit   `json:"exits"`
	Pools      []StatusPool   `json:"pools,omitempty"`
	// Upstreams are those of the server's own workers.
	Upstreams []StatusUpstream `json:"upstreams,omitempty"`
}

// StatusPool is the state of a pool that routes have for themselves; its numbers
// are not contained in the server's own, but for those of connections and times.
type StatusPool struct {
	Name       string         `json:"name"`
	Mode       string         `json:"mode"`
	Generation int            `json:"generation"`
	Limits     map[string]any `json:"limits"`
	Totals     StatusTotals   `json:"totals"`
	Workers    []StatusWorker `json:"workers"`
	Exits      []StatusExit   `json:"exits"`
	// Upstreams are those of the pool's workers.
	Upstreams []StatusUpstream `json:"upstreams,omitempty"`
}

// StatusTotals are counters since the server's start, but for Waiting, Lost and
// Parked, which say how many there are now.
type StatusTotals struct {
	Requests    int64            `json:"requests"`
	Connections int64            `json:"connections"`
	Queued      int64            `json:"queued"`
	Shed        int64            `json:"shed"`
	Timeouts    int64            `json:"timeouts"`
	Lost        int64            `json:"lost"`
	Parked      int64            `json:"parked"`
	Migrated    int64            `json:"migrated"`
	HandedOver  int64            `json:"handed_over"`
	Spawned     int64            `json:"spawned"`
	Exits       map[string]int64 `json:"exits"`
	// Waiting is the number of requests in the queue, or in the queues that
	// children have which accept.
	Waiting int64 `json:"waiting"`
	// Wait is how long the requests that were begun had waited in the queue, and
	// Duration how long they ran after.
	Wait     StatusHistogram `json:"queue_wait"`
	Duration StatusHistogram `json:"request_duration"`
}

// StatusHistogram is a distribution of durations since the server's start, in
// seconds. The percentiles are estimates from the buckets, 0 if nothing was
// counted and at most 100.
type StatusHistogram struct {
	Count int64   `json:"count"`
	Sum   float64 `json:"sum_s"`
	P50   float64 `json:"p50_s"`
	P90   float64 `json:"p90_s"`
	P99   float64 `json:"p99_s"`
	// Buckets are those that are not empty, ascending. What Count has more than
	// they have together is above the last of pool.Buckets, 100 s.
	Buckets []StatusBucket `json:"buckets"`
}

// StatusBucket are the durations up to LE seconds that belong to no bucket below.
type StatusBucket struct {
	LE    float64 `json:"le_s"`
	Count int64   `json:"count"`
}

// statusHistogram is a distribution in the form of /status.json.
func statusHistogram(d pool.Distribution) StatusHistogram {
	h := StatusHistogram{
		Count: int64(d.Count), Sum: d.Sum.Seconds(),
		P50: d.Quantile(0.5).Seconds(), P90: d.Quantile(0.9).Seconds(), P99: d.Quantile(0.99).Seconds(),
		Buckets: []StatusBucket{},
	}
	for i, bound := range pool.Buckets() {
		if i < len(d.Counts) && d.Counts[i] > 0 {
			h.Buckets = append(h.Buckets, StatusBucket{bound.Seconds(), int64(d.Counts[i])})
		}
	}
	return h
}

// StatusWorker is one worker.
type StatusWorker struct {
	Slot        int          `json:"slot"`
	PID         int          `json:"pid"`
	State       string       `json:"state"`
	Generation  int          `json:"generation"`
	Requests    int64        `json:"requests"`
	Connections int64        `json:"connections"`
	Age         float64      `json:"age_s"`
	RSS         int64        `json:"rss_bytes"`
	Lanes       []StatusLane `json:"lanes"`
}

// StatusLane is one lane of a worker; Request is what it has in hand.
type StatusLane struct {
	State   string  `json:"state"`
	Request string  `json:"request,omitempty"`
	Age     float64 `json:"request_age_s,omitempty"`
}

// StatusExit is the end of a worker.
type StatusExit struct {
	PID      int       `json:"pid"`
	Slot     int       `json:"slot"`
	Cause    string    `json:"cause"`
	Status   string    `json:"status,omitempty"`
	Request  string    `json:"request,omitempty"`
	Requests int64     `json:"requests"`
	At       time.Time `json:"at"`
}

// exitCauses are the causes that status always shows.
var exitCauses = []string{"max_requests", "reload", "crash", "killed", "idle", "max_lifetime", "max_memory"}

// status reads the state of the server.
func (r *instance) status(ctx context.Context) (*Status, error) {
	p, err := r.supervisor.Status(ctx)
	if err != nil {
		return nil, err
	}
	own := statusPool("", p, r.plan.mode, isCGI(r.server.Handler), r.queue)
	s := &Status{
		Mode: own.Mode, PID: os.Getpid(), Generation: own.Generation, Started: r.started, Listeners: r.urls,
		Limits: own.Limits, Totals: own.Totals, Workers: own.Workers, Exits: own.Exits,
		Upstreams: r.upstreams[""].status(),
	}
	if r.plan.mode == Fork {
		s.Accept = r.plan.accept.String()
	}
	if r.front != nil {
		s.Totals.Connections = r.front.total.Load()
		s.Totals.Migrated += r.front.migrated.Load()
	}
	if r.broker != nil {
		r.broker.addTo(&s.Totals)
	}
	for _, a := range r.annexes {
		p, err := a.supervisor.Status(ctx)
		if err != nil {
			return nil, err
		}
		one := statusPool(a.name, p, a.mode, a.serial, a.queue)
		one.Upstreams = r.upstreams[a.name].status()
		s.Pools = append(s.Pools, one)
	}
	return s, nil
}

// statusPool is the state of one pool. queue is nil if its children have queues
// of their own; serial says that workers are no processes, in spite of the mode.
func statusPool(name string, p pool.Status, mode Mode, serial bool, queue *pool.Queue) StatusPool {
	s := StatusPool{
		Name: name, Mode: mode.String(), Generation: p.Generation, Limits: statusLimits(p.Config),
		Totals: StatusTotals{
			Requests: p.Totals.Requests, Spawned: p.Totals.Spawned, Queued: p.Totals.Queued, Waiting: int64(p.Waiting),
			Connections: p.Totals.Connections, Shed: p.Totals.Shed, Timeouts: p.Totals.Timeouts,
			Migrated: p.Totals.Migrated,
			Exits:    make(map[string]int64),
			Wait:     statusHistogram(p.Totals.Wait), Duration: statusHistogram(p.Totals.Duration),
		},
		Workers: []StatusWorker{},
		Exits:   []StatusExit{},
	}
	for _, cause := range exitCauses {
		s.Totals.Exits[cause] = 0
	}
	for cause, n := range p.Totals.Exits {
		s.Totals.Exits[string(cause)] = n
	}
	if queue != nil {
		q := queue.Totals()
		s.Totals.Queued, s.Totals.Shed, s.Totals.Timeouts, s.Totals.Lost = q.Queued, q.Shed, q.Timeouts, q.Lost
		s.Totals.Waiting = int64(queue.Waiting())
	}
	for _, w := range p.Workers {
		worker := StatusWorker{
			Slot: w.Slot, PID: w.PID, State: w.State.String(), Generation: w.Generation,
			Requests: w.Requests, Connections: w.Connections, Age: time.Since(w.Born).Seconds(),
			Lanes: []StatusLane{},
		}
		if mode == Fork && !serial {
			worker.RSS = residentBytes(w.PID)
		}
		if queue == nil {
			s.Totals.Lost += w.Lost
		}
		for _, l := range w.Lanes {
			worker.Lanes = append(worker.Lanes, StatusLane{l.State.String(), l.Request, l.Age.Seconds()})
		}
		s.Workers = append(s.Workers, worker)
	}
	for _, e := range p.Exits {
		s.Exits = append(s.Exits, StatusExit{e.PID, e.Slot, string(e.Cause), e.Status, e.Request, e.Requests, e.At})
	}
	return s
}

// statusLimits are a pool's limits by the names of their settings.
func statusLimits(c pool.Config) map[string]any {
	return map[string]any{
		"max_servers": c.MaxServers, "min_servers": c.MinServers, "concurrency": c.Concurrency,
		"max_requests": c.MaxRequests, "max_requests_jitter": c.MaxRequestsJitter,
		"max_lifetime": c.MaxLifetime.Seconds(), "request_timeout": c.RequestTimeout.Seconds(),
		"retire_timeout": c.RetireTimeout.Seconds(), "die_timeout": c.DieTimeout.Seconds(),
		"max_surge": c.MaxSurge, "max_unavailable": c.MaxUnavailable, "max_lost": c.MaxLost,
		"min_spare_servers": c.MinSpareServers, "max_spare_servers": max(c.MaxSpareServers, 0),
		"start_servers": c.StartServers, "start_delay": c.StartDelay.Seconds(),
		"start_timeout": c.StartTimeout.Seconds(), "check_for_waiting": c.CheckForWaiting.Seconds(),
		"check_for_spawn": c.CheckForSpawn.Seconds(), "min_child_ttl": c.MinChildTTL.Seconds(),
		"max_idle":   c.MaxIdle.Seconds(),
		"max_memory": c.MaxMemory, "kill_memory": c.KillMemory, "check_for_dead": c.CheckForDead.Seconds(),
		"queue_size": c.QueueSize, "queue_timeout": c.QueueTimeout.Seconds(),
	}
}
