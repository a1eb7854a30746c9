package succession

import (
	"strings"
	"sync"
)

// What is kept of what a successor writes.
const (
	tailLines  = 5
	tailOctets = 2 << 10
)

// tail is the end of a text.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailOctets; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
}

// String is the last lines, in one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(t.text), "?")), "\n")
	if over := len(lines) - tailLines; over > 0 {
		lines = lines[over:]
	}
	return strings.Join(lines, "; ")
}
