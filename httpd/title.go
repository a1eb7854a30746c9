package httpd

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bident/bident/internal/title"
	"github.com/bident/bident/pool"
)

const (
	// titleFirst is how long after a request the title is looked after, and
	// titleNext how often as long as there are more. So a request that is over
	// at once does not show.
	titleFirst = 50 * time.Millisecond
	titleNext  = time.Second
)

// workerTitle is the title of a child, which says what it does: starting, idle, busy,
// kept, retiring. Requests only look at one flag: while it is set a timer looks at the
// scoreboard, and that ends by itself when nothing happens any more, so that a child
// that does nothing is not woken up. A nil workerTitle does nothing.
type workerTitle struct {
	about string // "bident: worker 3"
	board *pool.Scoreboard
	slot  int
	awake atomic.Bool

	mu      sync.Mutex
	timer   *time.Timer // of tick, once it was needed
	word    string      // that is shown
	begun   uint64      // requests, at the last look
	serving bool
}

// newWorkerTitle is the title of the worker of a slot, which is starting; nil if the
// server has none. name says whose worker it is, if that needs to be said.
func newWorkerTitle(server, name string, board *pool.Scoreboard, slot int) *workerTitle {
	if server == "" {
		return nil
	}
	w := &workerTitle{about: fmt.Sprintf("%s: worker %d", server, slot), board: board, slot: slot}
	if name != "" {
		w.about += " " + name
	}
	// Best effort, here and below: some systems have no titles.
	_ = title.Name(fmt.Sprintf("%s w%d", server, slot))
	w.show("starting")
	return w
}

// show says what the worker does. mu is held, or nobody else knows the title.
func (w *workerTitle) show(word string) {
	if w.word != word {
		w.word = word
		_ = title.Set(w.about + " [" + word + "]")
	}
}

// ready says that the worker serves from now on.
func (w *workerTitle) ready() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serving = true
	w.show(w.state())
}

// retire says that the worker is about to leave.
func (w *workerTitle) retire() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serving = false
	w.show("retiring")
}

// touch says that something happens: a request, or a connection that comes or goes.
func (w *workerTitle) touch() {
	if w != nil && !w.awake.Load() {
		w.wake()
	}
}

func (w *workerTitle) wake() {
	if !w.awake.CompareAndSwap(false, true) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(titleFirst, w.tick)
	} else {
		w.timer.Reset(titleFirst)
	}
}

// tick brings the title up to date.
func (w *workerTitle) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.serving {
		// Not yet, or not any more; ready looks itself.
		w.awake.Store(false)
		return
	}
	// Before the look: what comes after it wakes the title again.
	w.awake.Store(false)
	begun := w.board.Row(w.slot).Begun()
	w.show(w.state())
	if w.word == "busy" || begun != w.begun {
		w.begun = begun
		if w.awake.CompareAndSwap(false, true) {
			w.timer.Reset(titleNext)
		}
	}
}

// state is what the worker does at this moment.
func (w *workerTitle) state() string {
	switch {
	case w.board.Busy(w.slot) > 0:
		return "busy"
	case w.board.Row(w.slot).Connections() > 0:
		return "kept"
	}
	return "idle"
}
