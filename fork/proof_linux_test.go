package fork

import (
	"strings"
	"testing"

	"github.com/bident/bident/pool"
)

// TestProof: a program that ends before it has lived for a moment has never been ready.
func TestProof(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		c.Program, c.proofTime = []string{"sh", "-c", "exit 3"}, patience
	})
	for slot := range 2 {
		e := h.start(slot, 0).expect(pool.Exited)
		if e.Cause != pool.CauseStart || e.Exit != "exit 3" || e.Err == nil || !strings.HasSuffix(e.Err.Error(), "sh ended before it was ready: exit 3") {
			t.Errorf("%+v", e)
		}
	}
}
