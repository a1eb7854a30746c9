package fork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// bell counts calls and waits for them.
type bell chan struct{}

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

func (b bell) await(t testing.TB) {
	t.Helper()
	select {
	case <-b:
	case <-time.After(patience):
		t.Fatal("nobody has called")
	}
}

func watch(t testing.TB, s *Seats) bell {
	t.Helper()
	b := make(bell, 1)
	if err := s.Watch(b.ring); err != nil {
		t.Fatal(err)
	}
	return b
}

// callers are connections that ask for something while nobody may be there.
func callers(t testing.TB, addr net.Addr, n int) []*call {
	t.Helper()
	var list []*call
	for range n {
		c := dial(t, addr)
		fmt.Fprintf(c, "pid\n")
		list = append(list, c)
	}
	return list
}

func answered(t testing.TB, list []*call, by ...pool.Worker) {
	t.Helper()
	for i, c := range list {
		line, err := c.lines.ReadString('\n')
		ok := false
		for _, w := range by {
			ok = ok || line == fmt.Sprintln(w.PID())
		}
		if err != nil || !ok {
			t.Errorf("call %d: answer %q, %v", i, line, err)
		}
	}
}

func hangUp(list []*call) {
	for _, c := range list {
		c.Close()
	}
}

// TestNobodyIsThere: those who come before the first worker, and after the last one,
// are seen, and answered by the next.
func TestNobodyIsThere(t *testing.T) {
	h, seats := newSlotHarness(t, 3)
	b := watch(t, seats)
	if n := seats.Waiting(false); n != 0 {
		t.Errorf("%d wait", n)
	}
	early := callers(t, seats.Addrs()[0], 100)
	b.await(t)
	if n := seats.Waiting(false); n != 100 {
		t.Errorf("%d wait, want 100", n)
	}
	a := h.ready(0)
	answered(t, early, a)
	hangUp(early)
	if n := seats.Waiting(false); n != 0 {
		t.Errorf("%d wait although there is a worker", n)
	}
	second, third := h.ready(1), h.ready(2)
	// The last of them leaves the seats of all, and who comes then may find any.
	for _, w := range []*worker{second, a, third} {
		w.Retire()
		w.left("", "")
	}
	late := callers(t, seats.Addrs()[0], 100)
	b.await(t)
	if n := seats.Waiting(false); n != 100 {
		t.Errorf("%d wait, want 100", n)
	}
	answered(t, late, h.ready(0))
}

// TestNothingIsWatchedInVain: as long as somebody accepts nobody calls, and a
// connection that waits for a worker to come is told of once.
func TestNothingIsWatchedInVain(t *testing.T) {
	h, seats := newSlotHarness(t, 2)
	b := watch(t, seats)
	w := h.ready(0)
	for range 10 {
		dial(t, seats.Addrs()[0]).ask("pid")
	}
	if len(b) != 0 || len(seats.vigil.watched) != 0 {
		t.Errorf("called %d times, %d sockets are watched", len(b), len(seats.vigil.watched))
	}
	w.Kill()
	w.left("", "signal: killed")
	waiting := callers(t, seats.Addrs()[0], 1)
	b.await(t)
	callers(t, seats.Addrs()[0], 5)
	// A worker that dies before it is ready is a reason to look again.
	w = h.start(1, 0)
	w.Kill()
	w.expect(pool.Exited)
	b.await(t)
	answered(t, waiting, h.ready(0))
	if len(seats.vigil.watched) != 0 {
		t.Error("sockets with a worker are watched")
	}
	seats.Drain()
	if n := seats.Waiting(true); n != 0 || len(seats.vigil.watched) != 0 {
		t.Errorf("drained: %d wait", n)
	}
}

// TestScaleDownLosesNobody: the number of workers goes down to one and up again
// while connections come; each is answered by somebody.
func TestScaleDownLosesNobody(t *testing.T) {
	h, seats := newSlotHarness(t, 4)
	watch(t, seats)
	var workers []*worker
	var all []pool.Worker
	for i := range 4 {
		w := h.ready(i)
		workers, all = append(workers, w), append(all, w)
	}
	for round := range 5 {
		for i := 3; i > 0; i-- {
			// It is stopped, so that a part of them waits at its seat.
			stop(t, workers[i].PID())
			list := callers(t, seats.Addrs()[0], 25)
			workers[i].Retire()
			unix.Kill(workers[i].PID(), unix.SIGCONT)
			list = append(list, callers(t, seats.Addrs()[0], 25)...)
			answered(t, list, all...)
			hangUp(list)
			workers[i].left("", "")
		}
		for i := 1; i < 4; i++ {
			workers[i] = h.ready(i)
			all = append(all, workers[i])
		}
		if n := len(seats.seats); n != 4 {
			t.Fatalf("round %d: %d seats", round, n)
		}
	}
}

// TestSurplusSeatsAreShared: what is given away is not given to one alone.
func TestSurplusSeatsAreShared(t *testing.T) {
	h, seats := newSlotHarness(t, 6)
	var workers []*worker
	for i := range 6 {
		workers = append(workers, h.ready(i))
	}
	for _, w := range workers[2:] {
		w.Retire()
		w.left("", "")
	}
	for _, holder := range seats.holders {
		if n := len(holder.adopted); n != 2 {
			t.Errorf("worker %d has %d seats beside its own", holder.id, n)
		}
	}
	counts := map[string]int{}
	for range 60 {
		counts[dial(t, seats.Addrs()[0]).ask("pid")]++
	}
	for _, w := range workers[:2] {
		if counts[strconv.Itoa(w.PID())] == 0 {
			t.Errorf("answers %v", counts)
		}
	}
	// Whoever comes has them for itself, and those who helped out have them no more.
	next := h.ready(2)
	for i := range 3 {
		h.ready(3 + i)
	}
	left := 0
	for _, holder := range seats.holders {
		left += len(holder.adopted)
	}
	if left != 0 {
		t.Errorf("%d seats are still given to others", left)
	}
	stop(t, next.PID())
	defer next.Kill()
	// Nobody answers those who wait for the one that is stopped.
	until(t, "a connection waits for its own worker", func() bool {
		c := dial(t, seats.Addrs()[0])
		fmt.Fprintf(c, "pid\n")
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := c.lines.ReadString('\n')
		return errors.Is(err, os.ErrDeadlineExceeded)
	})
}

// TestSharedSocketsAreWatched: there is one socket, and it is nobody's until the
// first worker is ready.
func TestSharedSocketsAreWatched(t *testing.T) {
	for _, addr := range []Address{
		{Network: "unix", Address: filepath.Join(t.TempDir(), "socket")}, {Network: "tcp", Address: "127.0.0.1:0"},
	} {
		t.Run(addr.Network, func(t *testing.T) {
			seats, err := OpenSeats([]Address{addr}, 3, true, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { seats.Close() })
			h := newHarness(t, func(c *Config) { c.Accept, c.Seats, c.Queue, c.Runner = Shared, seats, nil, nil })
			b := watch(t, seats)
			list := callers(t, seats.Addrs()[0], 20)
			b.await(t)
			want := 20
			if addr.Network == "unix" {
				want = 1 // that is all the kernel says
			}
			if n := seats.Waiting(false); n != want {
				t.Errorf("%d wait, want %d", n, want)
			}
			w := h.ready(0)
			answered(t, list, w)
			// Those who accept only when they are free leave the rest in the socket.
			stop(t, w.PID())
			list = callers(t, seats.Addrs()[0], 3)
			if n, all := seats.Waiting(false), seats.Waiting(true); n != 0 || all != min(want, 3) {
				t.Errorf("%d wait for nobody and %d for somebody", n, all)
			}
			unix.Kill(w.PID(), unix.SIGCONT)
			answered(t, list, w)
		})
	}
}

// TestWatchEnds: nobody calls after Close.
func TestWatchEnds(t *testing.T) {
	seats := mustOpenSeats(t, 1, Address{Network: "tcp", Address: "127.0.0.1:0"})
	b := watch(t, seats)
	callers(t, seats.Addrs()[0], 1)
	b.await(t)
	seats.Close()
	if err := seats.Watch(func() {}); err != nil || seats.Waiting(true) != 0 {
		t.Errorf("after Close: %v", err)
	}
}
