package httpd

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/listen"
)

// listen accepts connections from a listener until stop. like says what clients are to
// speak.
func (b *broker) listen(l *listen.Listener, like note) error {
	d, err := l.Door()
	if err != nil {
		return fmt.Errorf("httpd: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deaf {
		return d.Close()
	}
	b.doors = append(b.doors, d)
	b.accepting.Go(func() { b.accept(d, like) })
	return nil
}

// accept is the life of a listener.
func (b *broker) accept(d *listen.Door, n note) {
	var pause time.Duration
	for {
		b.room()
		c, err := d.Accept()
		if err == nil {
			pause = 0
			n.opened = time.Now()
			p := ferry.Parcel{Conn: c, Note: n.encode()}
			b.mu.Lock()
			b.accepted++
			b.hold(p, 0, nil)
			b.mu.Unlock()
			continue
		}
		if errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		// Out of descriptors or memory, or the client was gone: it passes.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		b.log.Warn("cannot accept a connection", "listener", d.Addr(), "error", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-b.mute:
		}
	}
}

// room waits until there is a place for one more connection. Clients wait in the
// kernel's queue meanwhile. As long as there is no child as many are taken as may
// wait for one: how else would anybody know that one is needed.
func (b *broker) room() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.deaf && (b.count >= b.most || !b.config.Single && len(b.takers) == 0 && len(b.waiting) >= b.config.QueueSize) {
		b.changed.Wait()
	}
}

// stopAccepting takes what waits in the listeners' queues and closes them.
func (b *broker) stopAccepting() {
	b.mu.Lock()
	if !b.deaf {
		b.deaf = true
		close(b.mute)
	}
	doors := b.doors
	b.doors = nil
	b.changed.Broadcast()
	b.mu.Unlock()
	for _, d := range doors {
		// Long enough for accept to find the queue empty.
		_ = d.SetDeadline(time.Now().Add(lingerRead))
	}
	b.accepting.Wait()
	for _, d := range doors {
		d.Close()
	}
}
