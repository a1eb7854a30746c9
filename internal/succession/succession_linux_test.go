package succession

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/listen"
)

// roleVariable says how this test binary behaves as a successor.
const roleVariable = "BIDENT_TEST_ROLE"

func TestMain(m *testing.M) {
	if role, is := os.LookupEnv(roleVariable); is {
		play(role)
	}
	os.Exit(m.Run())
}

// play is the life of a successor.
func play(role string) {
	h, err := Current()
	if err != nil || h == nil {
		fmt.Fprintln(os.Stderr, "no heritage:", err)
		os.Exit(9)
	}
	if _, there := os.LookupEnv(Variable); there {
		os.Exit(8)
	}
	switch role {
	case "dies":
		fmt.Fprintln(os.Stderr, "the reason")
		os.Exit(3)
	case "fails":
		h.Failed(errors.New("this is why"))
		os.Exit(1)
	case "waits": // main never reaches a server
		select {}
	}
	h.Claim()
	if err := h.Ready(nil); err != nil {
		os.Exit(5)
	}
	if role == "fails late" {
		h.Failed(errors.New("this is why"))
		os.Exit(1)
	}
	l, err := listen.Inherit(h.Take(0), listen.Options{})
	if err != nil || h.Has(0) {
		h.Failed(fmt.Errorf("socket: %w", err))
		os.Exit(1)
	}
	for fd := onControl; fd <= firstSocket; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			h.Failed(fmt.Errorf("descriptor %d stays open in children", fd))
			os.Exit(1)
		}
	}
	h.Taken()
	c, err := l.Accept()
	if err != nil {
		os.Exit(6)
	}
	name := <-h.Signals()
	h.Stop(1500 * time.Millisecond)
	fmt.Fprintf(c, "%s %s %d %d", h.Name, name, h.Generation, h.Predecessor())
	c.Close()
	<-h.Gone()
	os.Exit(0)
}

// begin starts this test binary as a successor, with a listener.
func begin(t *testing.T, role string) (*Successor, *listen.Listener) {
	t.Helper()
	l, err := listen.Open("tcp", "127.0.0.1:0", listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	fd, err := l.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(path, os.Args, append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0"), Manifest{
		Name: "one", Generation: 7, Sockets: []Socket{{Use: Listen, Network: "tcp", Bound: l.Addr().String(), FD: fd}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Abandon(0) })
	return s, l
}

func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestTakeOver: the whole story.
func TestTakeOver(t *testing.T) {
	s, l := begin(t, "serves")
	if err := s.Await(limit(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Yield(limit(t)); err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := s.Forward("HUP"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 100)
	n, _ := c.Read(buf)
	if got, want := string(buf[:n]), fmt.Sprintf("one HUP 7 %d", os.Getpid()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := <-s.Stops(); got != "1500" {
		t.Errorf("stop %q", got)
	}
	s.Close()
	<-s.Ended()
	if s.status.ExitStatus() != 0 {
		t.Error(describe(s.status))
	}
	if err := s.Forward("HUP"); !errors.Is(err, ErrGone) {
		t.Errorf("forwarded to nobody: %v", err)
	}
}

// TestFailures: why a successor will not be one.
func TestFailures(t *testing.T) {
	for role, want := range map[string]string{
		"dies":  "the new process has ended with exit status 3: the reason",
		"fails": "this is why",
	} {
		s, _ := begin(t, role)
		if err := s.Await(limit(t)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", role, err)
		}
	}
	s, _ := begin(t, "fails late")
	if err := s.Await(limit(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Yield(limit(t)); err == nil || err.Error() != "this is why" {
		t.Errorf("late: %v", err)
	}
}

// TestAbandoned: a successor that nobody wants ends at once, also if its program is
// still on its way to the server.
func TestAbandoned(t *testing.T) {
	s, _ := begin(t, "waits")
	ctx, cancel := context.WithCancelCause(limit(t))
	why := errors.New("changed my mind")
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	if err := s.Await(ctx); !errors.Is(err, why) {
		t.Fatal(err)
	}
	s.Abandon(time.Minute)
	if s.status.Signaled() {
		t.Errorf("it had to be killed: %s", describe(s.status))
	}
}

// TestStrangers: programs that are no successors.
func TestStrangers(t *testing.T) {
	for _, c := range []struct {
		path string
		want string
	}{
		{"/bin/false", "the new process has ended with exit status 1"},
		{"/nowhere/at/all", "cannot start /nowhere/at/all: no such file or directory"},
		{"/", "cannot start /: permission denied"},
	} {
		s, err := Start(c.path, []string{c.path}, os.Environ(), Manifest{Generation: 1})
		if err == nil {
			t.Cleanup(func() { s.Abandon(0) })
			err = s.Await(limit(t))
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}
