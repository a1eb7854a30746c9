package pool

import (
	"context"
	"maps"
	"slices"
	"time"
)

// maxExits is how many exits are remembered.
const maxExits = 100

// Totals are what has happened since the supervisor's beginning.
type Totals struct {
	Requests int64 // begun, by all workers that ever were
	// Connections, Shed and Timeouts are counted here where the workers accept
	// and have queues of their own; elsewhere the front and its queue do.
	Connections, Shed, Timeouts int64
	Migrated                    int64 // connections that such workers have given away
	Spawned                     int64
	Exits                       map[Cause]int64
	// Wait is how long the requests that were begun had waited for a lane,
	// Duration how long they ran; by all workers that ever were, as far as their
	// fronts have observed them.
	Wait, Duration Distribution
}

// Exit is the end of a worker.
type Exit struct {
	PID      int
	Slot     int
	Cause    Cause
	Status   string // "exit 3", "signal: killed", or "" for a clean exit
	Request  string // what was in hand at a crash
	Requests int64
	At       time.Time
}

// LaneStatus is one lane of a worker.
type LaneStatus struct {
	State   State
	Request string // in hand
	Age     time.Duration
}

// WorkerStatus is one worker.
type WorkerStatus struct {
	ID          int64
	Slot        int
	PID         int
	State       State
	Generation  int
	Requests    int64
	Connections int64
	Lost        int64
	Born        time.Time
	Lanes       []LaneStatus
}

// Status is the state of the pool at one moment.
type Status struct {
	Config     Config
	Generation int
	Want       int
	Paused     bool
	Totals     Totals
	Workers    []WorkerStatus // by slot
	Exits      []Exit         // newest first
}

// Status reads the state of the pool.
func (s *Supervisor) Status(ctx context.Context) (st Status, err error) {
	err = s.do(ctx, func(s *Supervisor) { st = s.status() })
	return st, err
}

func (s *Supervisor) status() Status {
	now := time.Now()
	st := Status{
		Config: s.config, Generation: s.tally.Generation, Want: s.tally.Want, Paused: s.tally.Paused, Totals: s.totals,
	}
	st.Totals.Exits = maps.Clone(s.totals.Exits)
	st.Totals.Wait, st.Totals.Duration = s.totals.Wait.clone(), s.totals.Duration.clone()
	if t := s.options.Timings; t != nil {
		t.addTo(&st.Totals)
	}
	for _, r := range s.roster.records {
		w := s.workerStatus(r.slot, now)
		w.ID, w.Generation, w.Born = r.id, r.generation, r.born
		if r.worker != nil {
			w.PID = r.worker.PID()
		}
		switch {
		case r.phase == PhaseStarting:
			w.State = Starting
		case r.phase >= PhaseRetiring:
			w.State = Retiring
		}
		w.Requests = int64(r.begun(s.options.Board.Row(r.slot)))
		st.Totals.Requests += w.Requests
		s.options.Board.addTo(r.slot, &st.Totals)
		st.Workers = append(st.Workers, w)
	}
	for _, h := range s.roster.held {
		w := s.workerStatus(h.slot, now)
		row := s.options.Board.Row(h.slot)
		w.ID, w.PID, w.Generation = row.ID(), row.PID(), row.Generation()
		w.Born = time.Unix(0, row.born.Load())
		w.State = Lost
		st.Workers = append(st.Workers, w)
	}
	slices.SortFunc(st.Workers, func(a, b WorkerStatus) int { return a.Slot - b.Slot })
	for i := len(s.exits) - 1; i >= 0; i-- {
		st.Exits = append(st.Exits, s.exits[i])
	}
	return st
}

// workerStatus is what the scoreboard says of a slot.
func (s *Supervisor) workerStatus(slot int, now time.Time) WorkerStatus {
	row := s.options.Board.Row(slot)
	w := WorkerStatus{
		Slot: slot, State: Idle, Requests: int64(min(row.Begun(), 1<<48)),
		Connections: max(0, row.Connections()), Lost: max(0, row.LostLanes()),
	}
	if w.Connections > 0 {
		w.State = Kept
	}
	lines := s.options.Board.Lines(slot)
	for i := range lines {
		v, ok := lines[i].View()
		if !ok {
			v = LineView{State: lines[i].State()} // the request changes too fast
		}
		l := LaneStatus{State: v.State}
		if v.State == Working || v.State == Lost {
			l.Request = v.Request
			l.Age = max(0, now.Sub(time.Unix(0, v.Started)))
			if !ok {
				l.Age = 0
			}
		}
		if v.State == Working {
			w.State = Working
		}
		w.Lanes = append(w.Lanes, l)
	}
	return w
}
