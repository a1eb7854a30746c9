package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// exited strikes a worker off the roster.
func (s *Supervisor) exited(r *record, e Event) {
	now := time.Now()
	row := s.options.Board.Row(r.slot)
	cause := r.cause
	switch {
	case r.phase == PhaseKilled:
	case e.Cause != "" && e.Cause != CauseDone:
		cause = e.Cause
	case cause == "":
		// Nobody had told it to leave. Perhaps it had asked for that itself.
		cause = cmp.Or(r.expiring, CauseDone)
	}
	if r.phase == PhaseStarting && cause == CauseDone {
		cause = CauseStart
	}
	s.unclean = s.unclean || s.tally.Stopping && (cause == CauseKilled || e.Cause == CauseMaxMemory)
	begun := r.begun(row)
	s.totals.Requests += int64(begun)
	s.options.Board.addTo(r.slot, &s.totals)
	s.totals.Exits[cause]++
	exit := Exit{
		PID: e.PID, Slot: r.slot, Cause: cause, Status: e.Exit, Request: e.Request,
		At: now, Requests: int64(begun),
	}
	if s.exits = append(s.exits, exit); len(s.exits) > maxExits {
		s.exits = s.exits[1:]
	}
	s.roster.remove(r, e.Lost)
	switch cause {
	case CauseCrash, CauseStart:
		if (r.phase == PhaseStarting || cause == CauseStart) && r.generation == s.tally.Generation {
			s.failedStarts++
			s.startError = startError(r, e)
		}
		s.options.Log.Error("worker died", append([]any{"slot", r.slot, "pid", e.PID, "cause", cause,
			"status", e.Exit, "request", e.Request}, errorAttr(e.Err)...)...)
		s.fail(now, r.phase != PhaseStarting && cause != CauseStart && begun > 0)
	case CauseDone, CauseMaxMemory:
		// It would be replaced for ever. One that had said that it is done was of use,
		// though: its client has asked for nothing.
		if begun == 0 && (cause == CauseMaxMemory || r.expiring == "") {
			s.options.Log.Error("worker left and had served nothing", append([]any{"slot", r.slot, "pid", e.PID,
				"cause", cause, "status", cmp.Or(e.Exit, "exit 0")}, errorAttr(e.Err)...)...)
			s.fail(now, false)
			break
		}
		fallthrough
	default:
		s.options.Log.Log(context.Background(), LevelVerbose, "worker left", "slot", r.slot, "pid", e.PID, "cause", cause,
			"requests", begun, "status", e.Exit)
	}
	s.step("exited", r.id, cause)
}

// startError is what a worker that never got ready died of.
func startError(r *record, e Event) error {
	switch {
	case r.phase == PhaseKilled:
	case e.Err != nil:
		return e.Err
	case e.Exit != "":
		return fmt.Errorf("worker died before it was ready: %s", e.Exit)
	default:
		return errors.New("worker ended before it was ready")
	}
	return errors.New("worker was not ready in time")
}

// errorAttr is what the log says of an error, nothing if there is none.
func errorAttr(err error) []any {
	if err == nil {
		return nil
	}
	return []any{"error", err}
}

func (s *Supervisor) fail(now time.Time, served bool) {
	s.tally.Failures = append(s.tally.Failures, Failure{At: now, Served: served})
	if unserved(s.tally.Failures) == despair && !s.anyServed() {
		s.options.Log.Error("no worker stays alive: the next ones are started after a pause that gets longer",
			"deaths", despair, "pause", Backoff(&s.config, s.tally.Failures).Sub(now).Round(time.Millisecond))
	}
}

// anyServed reports whether there is a worker that has been of use.
func (s *Supervisor) anyServed() bool {
	for _, r := range s.roster.records {
		if r.phase == PhaseLive && r.begun(s.options.Board.Row(r.slot)) > 0 {
			return true
		}
	}
	return false
}
