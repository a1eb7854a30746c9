package fork

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// stacksMost is how much of a child's stacks is logged.
	stacksMost = 64 << 10
	// stacksPatience is how long a child may take to tell its stacks.
	stacksPatience = time.Second
	// exitQuit is what a Go program exits with that was sent SIGQUIT.
	exitQuit = 2
)

// quitMark is what the stacks begin with that a Go program writes at SIGQUIT.
var quitMark = []byte("SIGQUIT: quit")

// stacks are what a child of this program writes to standard error when it is about
// to be killed because of a limit of time: what all its goroutines do. It is one
// record of the log.
type stacks struct {
	limit atomic.Pointer[string] // that was exceeded; nil until the child is asked
}

// ask says that the child is asked for its stacks, because of a limit of time.
func (s *stacks) ask(limit string) { s.limit.Store(&limit) }

// begin is where the stacks begin in a piece of the output, -1 if they do not.
func (s *stacks) begin(piece []byte) int {
	if s == nil || s.limit.Load() == nil {
		return -1
	}
	return bytes.Index(piece, quitMark)
}

// gather logs all that follows. Its memory is bounded, its end is the child's.
func (s *stacks) gather(r io.Reader, log *slog.Logger) {
	text, _ := io.ReadAll(io.LimitReader(r, stacksMost))
	rest, _ := io.Copy(io.Discard, r)
	shown := printable(string(bytes.TrimRight(text, "\n")))
	if rest > 0 {
		shown += fmt.Sprintf("\n[cut, %d octets more]", rest)
	}
	log.Warn("worker has exceeded a limit of time and is killed: its stacks", "limit", *s.limit.Load(), "stacks", shown)
}
