package httpd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/bident/bident/internal/ferry"
)

func ask(id string) string { return "GET /?id=" + id + " HTTP/1.1\r\nHost: t\r\n\r\n" }

// TestDepartIdle: point 1, a connection that waits for its next request.
func TestDepartIdle(t *testing.T) {
	l := newLedger()
	first, second, address := duo(t, frontConfig{}, l.handle)
	c := callStage(t, address)
	c.say(t, ask("a"))
	c.expects(t, ledgerAnswer("a", 1, "", ""))
	first.held(1, "idle", inPhase(phaseIdle))
	first.retire()
	second.held(1, "idle", inPhase(phaseIdle))
	c.say(t, ask("b"))
	c.expects(t, ledgerAnswer("b", 2, "", ""))
	l.once(t, "a", "b")
	if first.migrated.Load() != 1 || second.total.Load() != 1 {
		t.Errorf("%d connections left, %d came", first.migrated.Load(), second.total.Load())
	}
}

// TestDepartHead: point 2, a head of which a part is there, wherever it is cut.
func TestDepartHead(t *testing.T) {
	for _, number := range []uint64{1, 2} {
		request := "\r\n" + ask("b")
		for cut := 1; cut < len(request); cut++ {
			l := newLedger()
			first, second, address := duo(t, frontConfig{}, l.handle)
			c := callStage(t, address)
			want := phaseNew
			if number > 1 {
				c.say(t, ask("a"))
				c.expects(t, ledgerAnswer("a", 1, "", ""))
				want = phaseHead
			}
			c.say(t, request[:cut])
			first.held(1, "in their head", func(c *conn) bool { return inPhase(want)(c) })
			first.retire()
			c.say(t, request[cut:])
			c.expects(t, ledgerAnswer("b", number, "", ""))
			l.once(t, "b")
			c.Close()
			second.end()
		}
	}
}

// TestDepartPipelined: point 3, requests behind the one in hand.
func TestDepartPipelined(t *testing.T) {
	l := newLedger()
	l.hold["a"] = make(chan struct{})
	first, second, address := duo(t, frontConfig{}, l.handle)
	c := callStage(t, address)
	c.say(t, ask("a")+ask("b")+ask("c")+ask("d")[:20])
	<-l.held
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		first.retire()
	}()
	first.held(1, "about to leave", (*conn).leaves)
	close(l.hold["a"])
	for i, id := range []string{"a", "b", "c"} {
		c.expects(t, ledgerAnswer(id, uint64(i+1), "", ""))
	}
	<-drained
	c.say(t, ask("d")[20:])
	c.expects(t, ledgerAnswer("d", 4, "", ""))
	l.once(t, "a", "b", "c", "d")
	second.held(1, "idle", inPhase(phaseIdle))
}

// chunked is a body in chunks of that size, with an extension and trailers.
func chunked(body string, size int, trailer string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x;a=\"b\"\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n")
	if trailer != "" {
		b.WriteString("X-Sum: " + trailer + "\r\n")
	}
	return b.String() + "\r\n"
}

// bodies are requests with bodies of every kind. They are made when a test asks for
// them and not at init: every child of a test is this program, too.
var bodies = sync.OnceValue(func() (list []struct{ name, fields, octets, body, trailer string }) {
	for _, n := range []int{0, 1, 5, bodyInPlace, bodyInPlace + 1, 100_000, spoolMemory, 2 << 20} {
		body := strings.Repeat("0123456789abcde\n", n/16+1)[:n]
		list = append(list, struct{ name, fields, octets, body, trailer string }{
			fmt.Sprint("length ", n), fmt.Sprintf("Content-Length: %d\r\n", n), body, body, "",
		})
		for _, trailer := range []string{"", "trailer"} {
			list = append(list, struct{ name, fields, octets, body, trailer string }{
				fmt.Sprint("chunked ", n, trailer), "Transfer-Encoding: chunked\r\n",
				chunked(body, 5000, trailer), body, trailer,
			})
		}
	}
	return list
})

// TestDepartUnbegun: point 4, a request that was read and did not begin because the
// queue was closed under it, and what follows it.
func TestDepartUnbegun(t *testing.T) {
	for _, b := range bodies() {
		for _, expect := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, expect %t", b.name, expect), func(t *testing.T) {
				l := newLedger()
				first, _, address := duo(t, frontConfig{}, l.handle)
				for i := range stageLanes {
					id := fmt.Sprint("busy", i)
					l.hold[id] = make(chan struct{})
					callStage(t, address).say(t, ask(id))
					<-l.held
					defer close(l.hold[id])
				}
				c := callStage(t, address)
				head := "POST /?id=a HTTP/1.1\r\nHost: t\r\n" + b.fields
				switch {
				case expect && len(b.body) > 0:
					c.say(t, head+"Expect: 100-continue\r\n\r\n")
					if resp, _, err := c.hear("POST"); err != nil || resp.StatusCode != 100 {
						t.Fatalf("%+v %v", resp, err)
					}
					c.say(t, b.octets+ask("b"))
				default:
					c.say(t, head+"\r\n"+b.octets+ask("b"))
				}
				for first.queue.Waiting() == 0 {
					first.held(stageLanes+1, "there", func(*conn) bool { return true })
				}
				first.queue.Close()
				c.expects(t, ledgerAnswer("a", 1, b.body, b.trailer)) // at the second one
				c.expects(t, ledgerAnswer("b", 2, "", ""))
				l.once(t, "a", "b")
			})
		}
	}
}

// TestDepartUnread: point 4, a request whose body was not read because the queue
// was closed.
func TestDepartUnread(t *testing.T) {
	l := newLedger()
	first, _, address := duo(t, frontConfig{}, l.handle)
	first.queue.Close()
	c := callStage(t, address)
	c.say(t, "POST /?id=a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if resp, _, err := c.hear("POST"); err != nil || resp.StatusCode != 100 {
		t.Fatalf("%+v %v", resp, err)
	}
	c.say(t, "hello")
	c.expects(t, ledgerAnswer("a", 1, "hello", ""))
	c = callStage(t, address)
	c.say(t, "POST /?id=b HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhe")
	c.say(t, "llo")
	c.expects(t, ledgerAnswer("b", 1, "hello", ""))
	l.once(t, "a", "b")
}

// refusedDeparture checks that a client is told to try again, and to go.
func refusedDeparture(t *testing.T, c *caller) {
	t.Helper()
	resp, body, err := c.hear("POST")
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 503 || body != "service unavailable\n" || !resp.Close || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%+v %q", resp, body)
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("%d octets, %v", n, err)
	}
}

// TestDepartUnbegunFails: a request that was read, cannot begin here and is taken by
// nobody is answered.
func TestDepartUnbegunFails(t *testing.T) {
	for _, b := range bodies() {
		t.Run(b.name, func(t *testing.T) {
			l := newLedger()
			s := newStage(t, frontConfig{}, l.handle, func(ferry.Parcel) error { return ferry.ErrRefused })
			listener := stageListener(t)
			s.serves(listener)
			address := listener.Addr().String()
			for i := range stageLanes {
				id := fmt.Sprint("busy", i)
				l.hold[id] = make(chan struct{})
				callStage(t, address).say(t, ask(id))
				<-l.held
				defer close(l.hold[id])
			}
			c := callStage(t, address)
			c.say(t, "POST /?id=a HTTP/1.1\r\nHost: t\r\n"+b.fields+"\r\n"+b.octets)
			for s.queue.Waiting() == 0 {
				s.held(stageLanes+1, "there", func(*conn) bool { return true })
			}
			s.queue.Close()
			refusedDeparture(t, c)
			s.bodyless()
		})
	}
}

// TestDepartUnreadFails: so is one whose body was not read.
func TestDepartUnreadFails(t *testing.T) {
	s := newStage(t, frontConfig{}, newLedger().handle, func(ferry.Parcel) error { return ferry.ErrRefused })
	listener := stageListener(t)
	s.serves(listener)
	s.queue.Close()
	c := callStage(t, listener.Addr().String())
	c.say(t, "POST /?id=a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	refusedDeparture(t, c)
}

// TestDepartNew: point 5, a connection that was accepted and has sent nothing.
func TestDepartNew(t *testing.T) {
	l := newLedger()
	first, second, address := duo(t, frontConfig{}, l.handle)
	c := callStage(t, address)
	first.held(1, "new", inPhase(phaseNew))
	first.retire()
	second.held(1, "new", inPhase(phaseNew))
	c.say(t, ask("a"))
	c.expects(t, ledgerAnswer("a", 1, "", ""))
}

// TestDepartProxied: a connection from a proxy moves before its header was read, in
// the middle of it, and after.
func TestDepartProxied(t *testing.T) {
	const header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n"
	for cut := 0; cut <= len(header); cut += 3 {
		l := newLedger()
		first, second, address := duo(t, frontConfig{ProxyProtocol: true}, l.handle)
		c := callStage(t, address)
		c.say(t, header[:cut])
		first.held(1, "there", func(*conn) bool { return true })
		first.retire()
		c.say(t, header[cut:]+ask("a"))
		c.expects(t, ledgerAnswer("a", 1, "", ""))
		second.held(1, "of the client", clientIs("192.0.2.7:4711"))
		c.Close()
		second.end()
	}
	l := newLedger()
	first, second, address := duo(t, frontConfig{ProxyProtocol: true}, l.handle)
	c := callStage(t, address)
	c.say(t, header+ask("a"))
	c.expects(t, ledgerAnswer("a", 1, "", ""))
	first.held(1, "of the client", clientIs("192.0.2.7:4711"))
	first.retire()
	second.held(1, "of the client", clientIs("192.0.2.7:4711"))
	c.say(t, ask("b"))
	c.expects(t, ledgerAnswer("b", 2, "", ""))
}

func clientIs(address string) func(*conn) bool {
	return func(c *conn) bool { return inPhase(phaseIdle)(c) && c.remote.String() == address }
}

// TestDepartFails: a connection that nobody takes is answered what it has sent, and
// closed.
func TestDepartFails(t *testing.T) {
	l := newLedger()
	l.hold["a"] = make(chan struct{})
	s := newStage(t, frontConfig{}, l.handle, func(p ferry.Parcel) error { return errors.New("nobody") })
	listener := stageListener(t)
	s.serves(listener)
	c, idle := callStage(t, listener.Addr().String()), callStage(t, listener.Addr().String())
	idle.say(t, ask("c"))
	idle.expects(t, ledgerAnswer("c", 1, "", ""))
	c.say(t, ask("a")+ask("b"))
	<-l.held
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.retire()
	}()
	s.held(1, "alone, in a front that drains", func(c *conn) bool { return c.front.draining.Load() })
	close(l.hold["a"])
	c.expects(t, ledgerAnswer("a", 1, "", ""))
	resp, body, err := c.hear("GET")
	if err != nil || body != ledgerAnswer("b", 2, "", "") || !resp.Close {
		t.Fatalf("%q %+v %v", body, resp, err)
	}
	for _, c := range []net.Conn{c, idle} {
		if n, err := c.Read(make([]byte, 1)); n > 0 || err != io.EOF {
			t.Errorf("%d octets, %v", n, err)
		}
	}
	<-drained
}
