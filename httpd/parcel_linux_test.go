package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/internal/ferry"
)

// sockets is how many sockets and files for bodies this process has open.
func sockets(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && (strings.HasPrefix(to, "socket:") || strings.Contains(to, "bident-body-")) {
			n++
		}
	}
	return n
}

// TestParcelsLeakNothing: after all that can become of a connection on its way no
// descriptor is left.
func TestParcelsLeakNothing(t *testing.T) {
	before := sockets(t)
	big := bodies()[len(bodies())-3] // in a file
	for _, fails := range []bool{false, true} {
		for _, spoil := range []func(*ferry.Parcel){
			func(*ferry.Parcel) {},
			func(p *ferry.Parcel) { p.Note = []byte("nonsense") },
			func(p *ferry.Parcel) { p.Note = (&note{secure: true}).encode() },
			func(p *ferry.Parcel) { p.Conn.Close() },
			func(p *ferry.Parcel) { p.File, _ = os.Open("/dev/null") },
		} {
			l := newLedger()
			second := newStage(t, frontConfig{}, l.handle, nil)
			first := newStage(t, frontConfig{}, l.handle, func(p ferry.Parcel) error {
				if fails {
					return errors.New("nobody")
				}
				file := p.File
				if spoil(&p); file != nil && file != p.File {
					file.Close()
				}
				second.adopt(p)
				return nil
			})
			listener := stageListener(t)
			first.serves(listener)
			idle, posts := callStage(t, listener.Addr().String()), callStage(t, listener.Addr().String())
			idle.say(t, ask("a"))
			idle.expects(t, ledgerAnswer("a", 1, "", ""))
			var busy []*caller
			for i := range stageLanes {
				id := fmt.Sprint("busy", i)
				l.hold[id] = make(chan struct{})
				c := callStage(t, listener.Addr().String())
				busy = append(busy, c)
				c.say(t, ask(id))
				<-l.held
			}
			posts.say(t, "POST /?id=b HTTP/1.1\r\nHost: t\r\n"+big.fields+"\r\n"+big.octets)
			for first.queue.Waiting() == 0 {
				time.Sleep(time.Millisecond)
			}
			first.queue.Close()
			for i := range stageLanes {
				close(l.hold[fmt.Sprint("busy", i)])
			}
			first.retire()
			second.retire()
			for _, c := range append(busy, idle, posts) {
				c.Close()
			}
			listener.Close()
		}
	}
	for deadline := time.Now().Add(stagePatience); sockets(t) > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets before, %d after", before, sockets(t))
		}
	}
}

// TestParcelDoesNotBlock: the description that two processes share for a moment stays
// as it is.
func TestParcelDoesNotBlock(t *testing.T) {
	l := newLedger()
	second := newStage(t, frontConfig{}, l.handle, nil)
	modes := make(chan uintptr, 10)
	mode := func(fd uintptr) {
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		modes <- flags
	}
	first := newStage(t, frontConfig{}, l.handle, func(p ferry.Parcel) error {
		mode(p.Conn.Fd())
		twin, err := dupFileOf(p.Conn)
		if err != nil {
			return err
		}
		second.adopt(p)
		second.held(1, "idle", inPhase(phaseIdle))
		mode(twin.Fd())
		return twin.Close()
	})
	listener := stageListener(t)
	first.serves(listener)
	c := callStage(t, listener.Addr().String())
	c.say(t, ask("a"))
	c.expects(t, ledgerAnswer("a", 1, "", ""))
	first.retire()
	for range 2 {
		if flags := <-modes; flags&syscall.O_NONBLOCK == 0 {
			t.Errorf("flags %#x: the connection blocks", flags)
		}
	}
}

func dupFileOf(f *os.File) (*os.File, error) { return dupFile(f.Fd()) }

// TestParcelAge: the time that a connection has waited elsewhere counts.
func TestParcelAge(t *testing.T) {
	s := newStage(t, frontConfig{}, newLedger().handle, nil)
	c := newConn(s.front)
	for _, x := range []struct {
		phase  phase
		unread int
		want   time.Duration
	}{
		{phaseNew, 0, 9 * time.Second}, {phaseNew, 5, 9 * time.Second}, {phaseHead, 5, 9 * time.Second},
		{phaseIdle, 0, 9 * time.Second}, {phaseIdle, 5, 0}, {phaseBusy, 0, 0}, {phaseWrite, 5, 0},
	} {
		s.clock.Store(1000)
		c.enter(x.phase)
		s.clock.Store(10_000)
		if got := c.age(x.unread); got != x.want {
			t.Errorf("phase %d with %d octets: %v, expected %v", x.phase, x.unread, got, x.want)
		}
	}
	s.clock.Store(2000) // of a front that is younger than what it takes over
	c.aged = 9000
	c.resume(phaseHead)
	if got := c.age(1); got != 9*time.Second || c.aged != 0 {
		t.Errorf("%v, %d ms left", got, c.aged)
	}
}

// TestParcelUnreadIsItsOwn: what travels is not part of a desk that is used again.
func TestParcelUnreadIsItsOwn(t *testing.T) {
	l := newLedger()
	got := make(chan ferry.Parcel, 1)
	s := newStage(t, frontConfig{}, l.handle, func(p ferry.Parcel) error {
		got <- p
		return nil
	})
	s.queue.Close()
	listener := stageListener(t)
	s.serves(listener)
	c := callStage(t, listener.Addr().String())
	c.say(t, ask("a"))
	p := <-got
	defer p.Close()
	s.held(0, "there", func(*conn) bool { return true })
	d := s.front.desks.Get()
	if d, ok := d.(*desk); ok {
		clear(d.in)
	}
	if !bytes.Equal(p.Unread, []byte(ask("a"))) {
		t.Errorf("%q", p.Unread)
	}
}
