package fork

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/pool"
)

// traveller is a connection that is sent to a child and comes back, for ever.
type traveller struct {
	client *call
	sent   atomic.Int32 // times that the child had it
	came   atomic.Int32 // times that it came back
	parcel ferry.Parcel // when it is here for good
	here   atomic.Int32
}

// TestKilledWhileConnectionsMove kills children that have been sent connections and
// send them back: each must be here, once, or gone with the child that had it.
func TestKilledWhileConnectionsMove(t *testing.T) {
	var g crowd
	h := newHarness(t, g.dispatch)
	for range 20 {
		before := len(strings.Fields(openDescriptors()))
		travel(t, h, &g)
		until(t, "descriptors as before", func() bool { return len(strings.Fields(openDescriptors())) <= before })
	}
}

func travel(t *testing.T, h *harness, g *crowd) {
	w := h.ready(0)
	c, _ := g.of(w)
	const many = 100
	all := make([]*traveller, many)
	var ways sync.WaitGroup
	send := func(i int, p ferry.Parcel) {
		p.Note = []byte("back")
		// Whose it is stands before the first octet that nobody has used.
		p.Unread = append([]byte{byte(i)}, make([]byte, rand.IntN(2)*rand.IntN(80<<10))...)
		err := c.Send(p)
		if err == nil {
			all[i].sent.Add(1)
			return
		}
		if !errors.Is(err, ferry.ErrClosed) {
			t.Error(err)
		}
		all[i].parcel = p
		all[i].here.Add(1)
	}
	for i := range all {
		conn, client := connection(t)
		all[i] = &traveller{client: client}
		ways.Go(func() { send(i, ferry.Parcel{Conn: conn}) })
	}
	// The last report of the child comes after the last connection.
	limit, came := rand.IntN(500), 0
	for gone := false; !gone || len(g.arrivals) > 0; {
		select {
		case p := <-g.arrivals:
			i := int(p.Unread[0])
			all[i].came.Add(1)
			ways.Go(func() { send(i, p) })
			if came++; came == limit+1 {
				syscall.Kill(w.PID(), syscall.SIGKILL)
			}
		case e := <-w.events:
			if e.Kind != pool.Exited {
				t.Fatalf("%+v", e)
			}
			gone = true
		}
	}
	ways.Wait()
	lost := 0
	for i, v := range all {
		sent, came, here := v.sent.Load(), v.came.Load(), v.here.Load()
		switch {
		case here == 1 && sent == came:
			if _, err := v.parcel.Conn.Write([]byte("x")); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
			v.parcel.Close()
			if text, err := io.ReadAll(v.client); err != nil || string(text) != "x" {
				t.Errorf("connection %d: %q, %v", i, text, err)
			}
		case here == 0 && sent == came+1:
			lost++
			if text, err := io.ReadAll(v.client); err != nil || len(text) > 0 {
				t.Errorf("connection %d, which the child had: %q, %v", i, text, err)
			}
		default:
			t.Errorf("connection %d: sent %d times, came %d times, kept %d times", i, sent, came, here)
		}
		v.client.Close()
	}
	t.Logf("%d of %d connections were the child's, %d moves", lost, many, came)
}
