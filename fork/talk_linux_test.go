package fork

import (
	"errors"
	"testing"

	"github.com/bident/bident/pool"
)

// TestTalks: a child that never stops to report is killed, and one that reports the
// same again and again is heard once.
func TestTalks(t *testing.T) {
	h := newHarness(t, nil)
	w := h.ready(0)
	h.ask("expiring often")
	w.expect(pool.Expiring)
	w.Retire()
	w.left("", "")
	w = h.ready(0)
	h.begin("talk")
	for n := 0; ; n++ {
		e := <-w.events
		if e.Kind == pool.Expiring {
			continue
		}
		if e.Kind != pool.Exited || e.Cause != pool.CauseCrash || !errors.Is(e.Err, errTalks) || e.Exit != "signal: killed" {
			t.Errorf("after %d events: %+v", n, e)
		}
		if n < maxSaid/2 || n > maxSaid+h.board.Lanes() {
			t.Errorf("%d events were heard", n)
		}
		return
	}
}
