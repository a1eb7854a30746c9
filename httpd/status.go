package httpd

import (
	"context"
	"os"
	"time"
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
}

// StatusTotals are counters since the server's start, but for Lost and Parked,
// which say how many there are now.
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
	c := p.Config
	s := &Status{
		Mode: r.plan.mode.String(), PID: os.Getpid(),
		Generation: p.Generation, Started: r.started, Listeners: r.urls,
		Limits: map[string]any{
			"max_servers": c.MaxServers, "min_servers": c.MinServers, "concurrency": c.Concurrency,
			"max_requests": c.MaxRequests, "max_requests_jitter": c.MaxRequestsJitter,
			"max_lifetime": c.MaxLifetime.Seconds(), "request_timeout": c.RequestTimeout.Seconds(),
			"retire_timeout": c.RetireTimeout.Seconds(), "die_timeout": c.DieTimeout.Seconds(),
			"max_surge": c.MaxSurge, "max_unavailable": c.MaxUnavailable, "max_lost": c.MaxLost,
			"min_spare_servers": c.MinSpareServers, "max_spare_servers": max(c.MaxSpareServers, 0),
			"start_servers": c.StartServers, "start_delay": c.StartDelay.Seconds(),
			"start_timeout": c.StartTimeout.Seconds(), "check_for_waiting": c.CheckForWaiting.Seconds(),
			"check_for_spawn": c.CheckForSpawn.Seconds(), "min_child_ttl": c.MinChildTTL.Seconds(),
			"queue_size": c.QueueSize, "queue_timeout": c.QueueTimeout.Seconds(),
		},
		Totals: StatusTotals{
			Requests: p.Totals.Requests, Spawned: p.Totals.Spawned,
			Connections: p.Totals.Connections, Shed: p.Totals.Shed, Timeouts: p.Totals.Timeouts,
			Exits: make(map[string]int64),
		},
		Workers: []StatusWorker{},
		Exits:   []StatusExit{},
	}
	if r.plan.mode == Fork {
		s.Accept = r.plan.accept.String()
	}
	for _, cause := range exitCauses {
		s.Totals.Exits[cause] = 0
	}
	for cause, n := range p.Totals.Exits {
		s.Totals.Exits[string(cause)] = n
	}
	if r.queue != nil {
		q := r.queue.Totals()
		s.Totals.Queued, s.Totals.Shed, s.Totals.Timeouts, s.Totals.Lost = q.Queued, q.Shed, q.Timeouts, q.Lost
	}
	if r.front != nil {
		s.Totals.Connections = r.front.total.Load()
	}
	for _, w := range p.Workers {
		worker := StatusWorker{
			Slot: w.Slot, PID: w.PID, State: w.State.String(), Generation: w.Generation,
			Requests: w.Requests, Connections: w.Connections, Age: time.Since(w.Born).Seconds(),
			Lanes: []StatusLane{},
		}
		if r.plan.mode == Fork {
			worker.RSS = residentBytes(w.PID)
		}
		if r.queue == nil {
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
	return s, nil
}
