package pool

// believed bounds the number of requests that a child says are waiting: it can
// write anything, and sums of it must not overflow.
const believed = 1 << 20

// Waiting is the number of requests that wait in a queue of the worker's own.
func (r *Row) Waiting() int { return int(min(max(r.waiting.Load(), 0), believed)) }

// Meter makes the queue of an accepting child count in the worker's row how many
// requests wait and how many ever had to, so that the supervisor knows of them. It
// must be called before the first request. A request that finds an idle lane is not
// counted, and takes no notice.
func (q *Queue) Meter(row *Row) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.meter = row
}

// count changes the number of requests in the list; q.mu is held.
func (q *Queue) count(n int64) {
	waiting := q.waiting.Add(n)
	if r := q.meter; r != nil {
		r.waiting.Store(waiting)
		r.queued.Store(uint64(q.queued.Load()))
	}
}

// OnDemand sets a function that is called whenever a request finds no idle
// lane. It must not block.
func (q *Queue) OnDemand(f func()) { q.demand.Store(&f) }

// Demand makes the supervisor look at what waits, if it could start more workers:
// for those who know of something that does, where the supervisor has no queue. It
// never blocks, and may be called from any goroutine, at any time and often.
func (s *Supervisor) Demand() {
	if s.hungry.Load() {
		s.mail.ring()
	}
}

// waiting is the number of requests that call for workers: those in the queue, or in
// the queues that the workers have themselves, and connections that wait where no
// worker accepts. What waits in a worker that is leaving is that worker's to answer,
// and no other could.
func (s *Supervisor) waiting() int {
	n := 0
	if q := s.options.Queue; q != nil {
		n = q.Waiting()
	} else {
		for _, r := range s.roster.records {
			if r.phase == PhaseLive {
				n += s.options.Board.Row(r.slot).Waiting()
			}
		}
	}
	if f := s.options.Outside; f != nil && s.config.Elastic() {
		n += max(f(), 0)
	}
	return n
}
