package fork

import "testing"

// TestScribble: a child that writes all over the scoreboard harms none that comes
// after it.
func TestScribble(t *testing.T) {
	h := newHarness(t, nil)
	w := h.ready(0)
	h.ask("scribble")
	w.Retire()
	w.left("", "")
	w = h.ready(0)
	if got := h.ask("hello"); got != "hello" {
		t.Errorf("answer %q", got)
	}
	w.Retire()
	w.left("", "")
}
