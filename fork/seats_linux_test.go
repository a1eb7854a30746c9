package fork

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/pool"
)

func mustOpenSeats(t testing.TB, count int, addresses ...Address) *Seats {
	t.Helper()
	s, err := OpenSeats(addresses, count, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newSlotHarness(t testing.TB, count int, addresses ...Address) (*harness, *Seats) {
	t.Helper()
	if len(addresses) == 0 {
		addresses = []Address{{Network: "tcp", Address: "127.0.0.1:0"}}
	}
	seats := mustOpenSeats(t, count, addresses...)
	return newHarness(t, func(c *Config) { c.Accept, c.Seats, c.Queue, c.Runner = Slot, seats, nil, nil }), seats
}

// call is a connection to the seats' first address.
type call struct {
	t testing.TB
	net.Conn
	lines *bufio.Reader
}

func dial(t testing.TB, addr net.Addr) *call {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &call{t, c, bufio.NewReader(c)}
}

func (c *call) try(line string) (string, error) {
	fmt.Fprintf(c, "%s\n", line)
	answer, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

func (c *call) ask(line string) string {
	c.t.Helper()
	answer, err := c.try(line)
	if err != nil {
		c.t.Fatalf("%s: %v", line, err)
	}
	return answer
}

func TestSlot(t *testing.T) {
	h, seats := newSlotHarness(t, 2, Address{Network: "tcp", Address: "127.0.0.1:0", Backlog: 20},
		Address{Network: "tcp", Address: "[::1]:0"})
	w := h.ready(0)
	for _, addr := range seats.Addrs() {
		c := dial(t, addr)
		if got := c.ask("pid"); got != strconv.Itoa(w.PID()) {
			t.Errorf("%s: answered by %s, want %d", addr, got, w.PID())
		}
		c.Close()
	}
	idle := dial(t, seats.Addrs()[0])
	idle.ask("hello")
	w.Retire()
	idle.ask("hello") // it has a connection in hand
	idle.Close()
	w.left("", "")
}

func TestSlotCrash(t *testing.T) {
	h, seats := newSlotHarness(t, 1)
	w := h.ready(0)
	dial(t, seats.Addrs()[0]).try("exit 3")
	if e := w.left(pool.CauseCrash, "exit 3"); e.Request != "GET /exit 3" {
		t.Errorf("request in hand: %q", e.Request)
	}
	w = h.ready(0)
	c := dial(t, seats.Addrs()[0])
	c.ask("wedged")
	w.expect(pool.Wedged)
	w.Kill()
	w.left(pool.CauseTimeout, "signal: killed")
	w = h.ready(0)
	dial(t, seats.Addrs()[0]).ask("spent")
	w.expect(pool.Spent)
}

func TestEverySeatIsUsed(t *testing.T) {
	h, seats := newSlotHarness(t, 1) // the others are added
	workers := map[string]int{}
	for i := range 3 {
		workers[strconv.Itoa(h.ready(i).PID())] = 0
	}
	for range 90 {
		workers[dial(t, seats.Addrs()[0]).ask("pid")]++
	}
	if len(workers) != 3 {
		t.Fatalf("answered by %v", workers)
	}
	for pid, n := range workers {
		if n == 0 {
			t.Errorf("%s answered none of %v", pid, workers)
		}
	}
}

// TestSuccessorGetsTheQueue is what seats are for: connections that wait where a
// worker has stopped are answered by its successor.
func TestSuccessorGetsTheQueue(t *testing.T) {
	h, seats := newSlotHarness(t, 1)
	first := h.ready(0)
	stop(t, first.PID())
	var waiting []*call
	for range 20 {
		c := dial(t, seats.Addrs()[0])
		fmt.Fprintf(c, "pid\n")
		waiting = append(waiting, c)
	}
	second := h.start(1, first.id)
	second.expect(pool.Ready)
	first.Kill()
	first.left("", "signal: killed")
	for _, c := range waiting {
		line, err := c.lines.ReadString('\n')
		if err != nil || line != fmt.Sprintln(second.PID()) {
			t.Errorf("answer %q, %v; want %d", line, err, second.PID())
		}
	}
	if n := len(seats.seats); n != 1 {
		t.Errorf("%d seats for one worker and its successor", n)
	}
}

func TestOrphanedSeatIsServed(t *testing.T) {
	h, seats := newSlotHarness(t, 2)
	stays, goes := h.ready(0), h.ready(1)
	// The one that goes is stopped, and half of the connections wait for it.
	stop(t, goes.PID())
	var waiting []*call
	for range 40 {
		c := dial(t, seats.Addrs()[0])
		fmt.Fprintf(c, "pid\n")
		waiting = append(waiting, c)
	}
	goes.Kill()
	goes.left("", "signal: killed")
	for _, c := range waiting {
		line, err := c.lines.ReadString('\n')
		if err != nil || line != fmt.Sprintln(stays.PID()) {
			t.Errorf("answer %q, %v; want %d", line, err, stays.PID())
		}
	}
	// Whoever comes next has the orphan for a seat.
	next := h.ready(1)
	if n := len(seats.seats); n != 2 {
		t.Errorf("%d seats", n)
	}
	stays.Retire()
	for range 20 {
		if got := dial(t, seats.Addrs()[0]).ask("pid"); got == strconv.Itoa(next.PID()) {
			return
		}
	}
	t.Error("the newcomer answers nobody")
}

// TestSeatOfALeavingWorkerIsServed is what happens when the number of workers is
// lowered: the one that leaves has something in hand for long, and what waits at
// its seat must not wait for that.
func TestSeatOfALeavingWorkerIsServed(t *testing.T) {
	h, seats := newSlotHarness(t, 2)
	stays, goes := h.ready(0), h.ready(1)
	var held *call
	for held == nil {
		if c := dial(t, seats.Addrs()[0]); c.ask("pid") == strconv.Itoa(goes.PID()) {
			held = c
		}
	}
	goes.Retire()
	for range 40 {
		c := dial(t, seats.Addrs()[0])
		if got := c.ask("pid"); got != strconv.Itoa(stays.PID()) && got != strconv.Itoa(goes.PID()) {
			t.Errorf("answered by %s", got)
		}
		c.Close()
	}
	held.ask("hello")
	held.Close()
	goes.left("", "")
}

func TestDrainedSeatsStayWhereTheyAre(t *testing.T) {
	h, seats := newSlotHarness(t, 2)
	h.ready(0)
	w := h.ready(1)
	seats.Drain()
	w.Kill()
	w.left("", "signal: killed")
	for _, holder := range seats.holders {
		if len(holder.adopted) > 0 {
			t.Error("a seat was given away")
		}
	}
}

func TestSeatOfTheLastWorkerWaits(t *testing.T) {
	h, seats := newSlotHarness(t, 1)
	h.ready(0).Kill()
	c := dial(t, seats.Addrs()[0])
	fmt.Fprintf(c, "pid\n")
	w := h.ready(1)
	if line, err := c.lines.ReadString('\n'); err != nil || line != fmt.Sprintln(w.PID()) {
		t.Errorf("answer %q, %v; want %d", line, err, w.PID())
	}
}

func TestSharedUnixSocket(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	h, seats := newSlotHarness(t, 2, Address{Network: "unix", Address: name, Mode: 0o600})
	a, b := h.ready(0), h.ready(1)
	dial(t, seats.Addrs()[0]).ask("pid")
	a.Retire()
	if got, err := dial(t, seats.Addrs()[0]).try("pid"); err == nil && got != strconv.Itoa(b.PID()) && got != strconv.Itoa(a.PID()) {
		t.Errorf("answered by %s", got)
	}
	h.backend.Close()
	if _, err := os.Lstat(name); err != nil {
		t.Errorf("a worker removed the path: %v", err)
	}
	seats.Close()
	if _, err := os.Lstat(name); err == nil {
		t.Error("the path is left")
	}
}

func TestSeatsAreAllOrNothing(t *testing.T) {
	taken := mustOpenSeats(t, 2, Address{Network: "tcp", Address: "127.0.0.1:0"})
	name := filepath.Join(t.TempDir(), "socket")
	addr := taken.Addrs()[0].String()
	_, err := OpenSeats([]Address{
		{Network: "unix", Address: name},
		{Network: "tcp", Address: addr},
	}, 3, false, nil)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(fmt.Sprint(err), addr) {
		t.Errorf("got %v, want EADDRINUSE with the address", err)
	}
	if _, err := os.Lstat(name); err == nil {
		t.Error("half of the addresses are bound")
	}
	if _, err := OpenSeats(nil, 1, false, nil); !errors.Is(err, ErrConfig) {
		t.Errorf("no address: %v", err)
	}
}

func TestInheritedListener(t *testing.T) {
	l, err := listen.Open("tcp", "127.0.0.1:0", listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.Listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	h, seats := newSlotHarness(t, 2, Address{File: f})
	f.Close()
	h.ready(0)
	h.ready(1)
	for range 10 {
		dial(t, seats.Addrs()[0]).ask("hello")
	}
}

func TestSeatsStayNonBlocking(t *testing.T) {
	h, seats := newSlotHarness(t, 1)
	h.ready(0)
	for _, s := range seats.seats {
		for _, fd := range s.fds {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
				t.Errorf("flags %#x, %v", flags, err)
			}
		}
	}
}

func TestSharedSeats(t *testing.T) {
	seats, err := OpenSeats([]Address{{Network: "tcp", Address: "127.0.0.1:0"}}, 2, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seats.Close() })
	h := newHarness(t, func(c *Config) { c.Accept, c.Seats, c.Queue, c.Runner = Shared, seats, nil, nil })
	a, b := h.ready(0), h.ready(1)
	if one, two := seats.seats[0].fds[0], seats.seats[1].fds[0]; one != two {
		t.Errorf("sockets %d and %d", one, two)
	}
	if _, err := OpenSeats([]Address{{Network: "tcp", Address: seats.Addrs()[0].String()}}, 1, true, nil); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("bound twice: %v", err)
	}
	// Whoever is stopped takes none, and no connection waits for it.
	stop(t, a.PID())
	defer a.Kill()
	for range 10 {
		c := dial(t, seats.Addrs()[0])
		if got := c.ask("pid"); got != strconv.Itoa(b.PID()) {
			t.Errorf("answered by %s, want %d", got, b.PID())
		}
		c.Close()
	}
}
