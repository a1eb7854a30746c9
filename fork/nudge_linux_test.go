package fork

import "testing"

// TestNudge: what a program has started, and waits for, is told to leave once more.
func TestNudge(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		c.Program = []string{"sh", "-c", "trap : TERM; sleep 1000 & wait; wait"}
	})
	w := h.ready(0)
	w.Retire()
	w.left("", "") // it was not killed after DieTimeout
}
