package pool

import "time"

// kill ends a worker that Plan has found late.
func (s *Supervisor) kill(id int64, cause Cause) {
	r := s.roster.find(id)
	if r == nil || r.phase == PhaseKilled {
		return
	}
	s.options.Log.Warn("killing worker", "slot", r.slot, "pid", r.worker.PID(), "cause", cause)
	limit := s.exceeded(r, cause)
	r.phase, r.cause, r.told = PhaseKilled, cause, time.Now()
	s.options.Board.Row(r.slot).setState(Retiring)
	s.unclean = s.unclean || s.tally.Stopping
	s.step("kill", id, cause)
	if late, ok := r.worker.(LateWorker); ok && !s.forced {
		late.KillLate(limit)
		return
	}
	r.worker.Kill()
}

// exceeded is the limit of time because of which Plan kills a worker.
func (s *Supervisor) exceeded(r *record, cause Cause) string {
	switch {
	case cause == CauseStart || !r.ready && !s.tally.Stopping:
		return "start_timeout"
	case s.tally.Stopping:
		return "die_timeout"
	}
	return "retire_timeout"
}
