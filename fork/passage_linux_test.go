package fork

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/memfd"
	"github.com/bident/bident/pool"
)

// passengerMain is a child to which all connections are sent. It answers lines, gives
// the connection back after the line "away", with what it has read beyond it, and at
// once if the note says so.
func passengerMain(s *Self) {
	ls, err := s.Listeners()
	if err != nil || len(ls) != 0 {
		fmt.Fprintln(os.Stderr, "listeners:", ls, err)
		os.Exit(1)
	}
	server := &lineServer{self: s}
	give := func(p ferry.Parcel) {
		if err := s.Send(p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(9)
		}
	}
	s.Arrivals(func(p ferry.Parcel) {
		if string(p.Note) == "back" {
			go give(p)
			return
		}
		go func() {
			c, err := net.FileConn(p.Conn)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(9)
			}
			defer c.Close()
			readers := []io.Reader{bytes.NewReader(p.Unread), c}
			if p.File != nil {
				readers = []io.Reader{readers[0], io.NewSectionReader(p.File, 0, 1<<20), c}
			}
			lines := bufio.NewReader(io.MultiReader(readers...))
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if line == "away\n" {
					unread, _ := lines.Peek(lines.Buffered())
					give(ferry.Parcel{Conn: p.Conn, Unread: unread, Note: fmt.Append(nil, os.Getpid())})
					return
				}
				fmt.Fprintf(c, "%s\n", server.answer(strings.TrimSuffix(line, "\n")))
			}
		}()
	})
	s.Ready()
	for c := range s.Commands() {
		if c.Kind == Retire {
			fmt.Println("last:", c.Last)
			os.Exit(0)
		}
	}
}

// crowd is who sends connections to children, and gets theirs.
type crowd struct {
	mu       sync.Mutex
	told     map[*Child]string // "join", "join leave"
	children []*Child
	arrivals chan ferry.Parcel
}

func (g *crowd) dispatch(c *Config) {
	g.told, g.arrivals = map[*Child]string{}, make(chan ferry.Parcel, 1000)
	c.Accept, c.Queue, c.Runner = Dispatch, nil, nil
	c.Join = func(c *Child) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told[c] += "join "
		g.children = append(g.children, c)
	}
	c.Leave = func(c *Child) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told[c] += "leave "
	}
	c.Arrive = func(_ *Child, p ferry.Parcel) { g.arrivals <- p }
}

func (g *crowd) of(w *worker) (*Child, string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.children {
		if c.process == w.Worker {
			return c, g.told[c]
		}
	}
	return nil, ""
}

// connection is a client's connection, and the client.
func connection(t testing.TB) (*os.File, *call) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	client, err := fdpass.Conn(fds[1])
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[0]), "client")
	client.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { f.Close(); client.Close() })
	return f, &call{t, client, bufio.NewReader(client)}
}

func TestConnectionMoves(t *testing.T) {
	var g crowd
	h := newHarness(t, g.dispatch)
	a, b := h.ready(0), h.ready(1)
	first, _ := g.of(a)
	second, _ := g.of(b)
	conn, client := connection(t)
	file, err := memfd.Frozen("test", []byte("lo\nfrom a file\npi"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Send(ferry.Parcel{Conn: conn, Unread: []byte("hel"), File: file}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(client, "d\naway\npid\naway\n")
	for _, want := range []string{"hello", "from a file", fmt.Sprint(a.PID())} {
		if got, err := client.lines.ReadString('\n'); err != nil || got != want+"\n" {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	for range 2 {
		p := <-g.arrivals
		if err := second.Send(p); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(client, "hello\n")
	}
	for _, want := range []string{fmt.Sprint(b.PID()), "hello", "hello"} {
		if got, err := client.lines.ReadString('\n'); err != nil || got != want+"\n" {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	a.Retire()
	a.left("", "")
	other, _ := connection(t)
	if err := first.Send(ferry.Parcel{Conn: other}); err == nil {
		t.Error("a connection was sent to a child that is gone")
	}
	if _, err := other.Write([]byte("x")); err != nil {
		t.Errorf("it does not belong to the caller: %v", err)
	}
}

func TestJoinAndLeave(t *testing.T) {
	var g crowd
	h := newHarness(t, g.dispatch)
	for _, end := range []func(w *worker){
		func(w *worker) { w.Retire(); w.Kill() },
		func(w *worker) { w.Kill(); w.Retire() },
	} {
		w := h.ready(0)
		c, told := g.of(w)
		if told != "join " {
			t.Fatalf("told %q of one that is ready", told)
		}
		end(w)
		if _, told := g.of(w); told != "join leave " {
			t.Errorf("told %q of one that was told to go", told)
		}
		w.expect(pool.Exited)
		if _, told := g.of(w); told != "join leave " || c.PID() != w.PID() {
			t.Errorf("told %q of one that is gone", told)
		}
	}
	w := h.ready(0)
	syscall.Kill(w.PID(), syscall.SIGKILL)
	w.left(pool.CauseCrash, "signal: killed")
	if _, told := g.of(w); told != "join leave " {
		t.Errorf("told %q of one that was killed from outside", told)
	}
	w = h.ready(0)
	c, _ := g.of(w)
	conn, client := connection(t)
	if err := c.Send(ferry.Parcel{Conn: conn}); err != nil {
		t.Fatal(err)
	}
	client.ask("spent")
	w.expect(pool.Spent)
	if _, told := g.of(w); told != "join leave " {
		t.Errorf("told %q of one that is spent", told)
	}
	// It gives away what it has after that.
	fmt.Fprintf(client, "away\n")
	p := <-g.arrivals
	p.Close()
	if string(p.Note) != strconv.Itoa(w.PID()) {
		t.Errorf("from %s, want %d", p.Note, w.PID())
	}
}

func TestLast(t *testing.T) {
	for _, last := range []bool{false, true} {
		var g crowd
		h := newHarness(t, g.dispatch)
		w := h.ready(0)
		if last {
			h.backend.Drain()
		}
		w.Retire()
		w.left("", "")
		if want := fmt.Sprintf("last: %v", last); !strings.Contains(h.log.String(), want) {
			t.Errorf("log lacks %q", want)
		}
	}
}

// TestNobodyTakesConnections is a child that gives a connection to a parent which
// does not want any: the child has it still, and says so.
func TestNobodyTakesConnections(t *testing.T) {
	var g crowd
	h := newHarness(t, func(c *Config) {
		g.dispatch(c)
		c.Arrive = nil
	})
	w := h.ready(0)
	c, _ := g.of(w)
	conn, _ := connection(t)
	if err := c.Send(ferry.Parcel{Conn: conn, Note: []byte("back")}); err != nil {
		t.Fatal(err)
	}
	w.left(pool.CauseCrash, "exit 9")
	if !strings.Contains(h.log.String(), ferry.ErrRefused.Error()) {
		t.Error("it was not told")
	}
}
