package httpd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/internal/ferry"
)

// duoFCGI is duo for connections of web servers, on loops or not.
func duoFCGI(t *testing.T, l *ledger, looped bool) (first, second *stage, dial func() *caller) {
	t.Helper()
	second = newStage(t, frontConfig{}, l.handle, nil)
	first = newStage(t, frontConfig{}, l.handle, func(p ferry.Parcel) error {
		second.adopt(p)
		return nil
	})
	if looped {
		first.looped()
		second.looped()
	}
	return first, second, first.webServers(t)
}

// webServers makes the stage accept connections from web servers.
func (s *stage) webServers(t *testing.T) (dial func() *caller) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listenFor(l, arrival{fcgi: true})
	address := l.Addr().String()
	return func() *caller { return callStage(t, address) }
}

// askFCGI is a request for id, with everything that records can have: padding,
// parameters in pieces, and between them records of nobody and a management record if
// odd is true.
func askFCGI(id, body string, odd bool) string {
	params := fcgi.AppendParam(nil, "REQUEST_METHOD", "POST")
	params = fcgi.AppendParam(params, "REQUEST_URI", "/?id="+id)
	params = fcgi.AppendParam(params, "HTTP_X_LONG", strings.Repeat("long ", 30))
	params = fcgi.AppendParam(params, "CONTENT_LENGTH", fmt.Sprint(len(body)))
	b := fcgi.AppendBegin(nil, 1, fcgi.RoleResponder, fcgi.FlagKeepConn)
	if odd {
		b = fcgi.AppendPadded(b, fcgi.TypeParams, 1, params[:21], 3)
		b = fcgi.AppendPadded(b, fcgi.TypeStdin, 9, []byte("of nobody"), 5)
		b = fcgi.AppendGetValues(b, fcgi.MpxsConns)
		b = fcgi.AppendPadded(b, fcgi.TypeParams, 1, params[21:], 8)
	} else {
		b = fcgi.AppendStream(b, fcgi.TypeParams, 1, params)
	}
	b = fcgi.AppendStreamEnd(b, fcgi.TypeParams, 1)
	b = fcgi.AppendStream(b, fcgi.TypeStdin, 1, []byte(body))
	return string(fcgi.AppendStreamEnd(b, fcgi.TypeStdin, 1))
}

// hearFCGI reads the records of one answer: its FCGI_STDOUT, and how many management
// records have come before its end.
func (c *caller) hearFCGI() (stdout string, end fcgi.EndRequest, managed int, err error) {
	var out []byte
	for r := fcgi.NewReader(io.LimitReader(c.r, 0)); ; {
		header, err := c.r.Peek(fcgi.HeaderLen)
		if err != nil {
			return string(out), end, managed, err
		}
		h, err := fcgi.ParseHeader(header)
		if err != nil {
			return string(out), end, managed, err
		}
		r.Reset(io.LimitReader(c.r, int64(fcgi.HeaderLen)+int64(h.Length)+int64(h.Padding)))
		for {
			f, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return string(out), end, managed, err
			}
			switch {
			case f.ID == fcgi.NullRequestID && f.Last:
				managed++
			case f.Type == fcgi.TypeStdout:
				out = append(out, f.Data...)
			case f.Type == fcgi.TypeEndRequest:
				end, err = fcgi.ParseEnd(f.Data)
				return string(out), end, managed, err
			}
		}
	}
}

// expectsFCGI reads an answer that has to be 200 with that body.
func (c *caller) expectsFCGI(t testing.TB, want string, managed int) {
	t.Helper()
	out, end, have, err := c.hearFCGI()
	_, body, _ := strings.Cut(out, "\r\n\r\n")
	if err != nil || !strings.HasPrefix(out, "Status: 200") || body != want || end != (fcgi.EndRequest{}) || have != managed {
		t.Fatalf("answer %.300q %+v, %d management records, %v; expected %q", out, end, have, err, want)
	}
}

// TestDepartFCGI: the connection of a web server leaves wherever its request is, once
// the front drains or nothing may begin there any more, and nothing is done twice.
func TestDepartFCGI(t *testing.T) {
	request := askFCGI("b", "some body", true)
	body := strings.LastIndex(request, "some body")
	for way := range 8 {
		number, spent, looped := uint64(1+way&1), way&2 != 0, way&4 != 0
		t.Run(fmt.Sprintf("request %d, spent %t, on a loop %t", number, spent, looped), func(t *testing.T) {
			for cut := 0; cut < len(request); cut++ {
				l := newLedger()
				first, second, dial := duoFCGI(t, l, looped)
				c := dial()
				if number > 1 {
					c.say(t, askFCGI("a", "", false))
					c.expectsFCGI(t, ledgerAnswer("a", 1, "", ""), 0)
				}
				c.say(t, request[:cut])
				first.held(1, "there", func(c *conn) bool { return true })
				gone := make(chan struct{})
				if spent {
					first.queue.Close()
				}
				go func() { defer close(gone); first.retire() }()
				if cut < body-16 {
					<-gone // it does not wait for the rest of the head
				}
				c.say(t, request[cut:]+askFCGI("c", "", false)[:30])
				c.expectsFCGI(t, ledgerAnswer("b", number, "some body", ""), 1)
				<-gone
				c.say(t, askFCGI("c", "", false)[30:])
				c.expectsFCGI(t, ledgerAnswer("c", number+1, "", ""), 0)
				l.once(t, "b", "c")
				c.Close()
				second.end()
			}
		})
	}
}

// TestDepartFCGIUnbegun: a request that was read and cannot begin here any more leaves
// with its body, and with what came behind it.
func TestDepartFCGIUnbegun(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 65535, 65536, 100_000, spoolMemory, 2<<20 + 1} {
		for way := range 4 {
			full, looped := way&1 != 0, way&2 != 0
			body := strings.Repeat("0123456789abcde\n", n/16+1)[:n]
			l := newLedger()
			first, second, dial := duoFCGI(t, l, looped)
			for i := range stageLanes {
				id := fmt.Sprint("busy", i)
				l.hold[id] = make(chan struct{})
				dial().say(t, askFCGI(id, "", false))
				<-l.held
			}
			c := dial()
			next := askFCGI("b", "", true)
			request := askFCGI("a", body, true) + next[:100]
			if full {
				c.say(t, request)
				for first.queue.Waiting() == 0 {
					first.held(stageLanes+1, "there", func(*conn) bool { return true })
				}
				first.queue.Close()
			} else {
				// Its body has come in part when nothing may begin any more.
				c.say(t, request[:len(request)-n/2-150])
				first.held(stageLanes+1, "there", func(*conn) bool { return true })
				first.queue.Close()
				c.say(t, request[len(request)-n/2-150:])
			}
			c.expectsFCGI(t, ledgerAnswer("a", 1, body, ""), 1)
			c.say(t, next[100:])
			c.expectsFCGI(t, ledgerAnswer("b", 2, "", ""), 1)
			l.once(t, "a", "b")
			for i := range stageLanes {
				close(l.hold[fmt.Sprint("busy", i)])
			}
			first.retire()
			first.bodyless()
			second.retire()
		}
	}
}

// TestDepartFCGIAborted: a request that has left in the middle of its head can be
// aborted where it is.
func TestDepartFCGIAborted(t *testing.T) {
	for _, cut := range []int{16, 40, 100} {
		l := newLedger()
		first, _, dial := duoFCGI(t, l, cut == 40)
		c := dial()
		request := askFCGI("a", "", false)
		c.say(t, request[:cut])
		first.held(1, "there", func(*conn) bool { return true })
		first.retire()
		if cut > 16 {
			c.say(t, request[cut:len(request)-16])
		}
		c.say(t, string(fcgi.AppendAbort(nil, 1)))
		if out, end, _, err := c.hearFCGI(); out != "" || end != (fcgi.EndRequest{}) || err != nil {
			t.Errorf("%q %+v %v", out, end, err)
		}
		c.say(t, askFCGI("b", "", false))
		_, end, _, err := c.hearFCGI()
		if l.once(t, "b"); end != (fcgi.EndRequest{}) || err != nil {
			t.Errorf("%+v %v", end, err)
		}
	}
}

// TestDepartFCGIFails: what nobody takes is answered, as overloaded if it may not begin
// here.
func TestDepartFCGIFails(t *testing.T) {
	for _, n := range []int{0, 100_000, 2 << 20} {
		l := newLedger()
		s := newStage(t, frontConfig{}, l.handle, func(ferry.Parcel) error { return errors.New("nobody") })
		dial := s.webServers(t)
		half, c := dial(), dial()
		request := askFCGI("a", strings.Repeat("x", n), false)
		half.say(t, request[:50])
		s.held(2, "there", func(*conn) bool { return true })
		gone := make(chan struct{})
		go func() { defer close(gone); s.retire() }()
		s.held(1, "staying", func(c *conn) bool { return c.front.draining.Load() })
		half.say(t, request[50:])
		half.expectsFCGI(t, ledgerAnswer("a", 1, strings.Repeat("x", n), ""), 0)
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
			t.Errorf("%q %v", b, err)
		}
		<-gone

		s = newStage(t, frontConfig{}, l.handle, func(ferry.Parcel) error { return errors.New("nobody") })
		c = s.webServers(t)()
		s.queue.Close()
		c.say(t, askFCGI("c", strings.Repeat("x", n), false))
		out, end, _, err := c.hearFCGI()
		if !strings.HasPrefix(out, "Status: 503") || end.ProtocolStatus != fcgi.Overloaded || err != nil {
			t.Errorf("%q %+v %v", out, end, err)
		}
		s.bodyless()
	}
}

// TestBrokerOverloaded: what the parent refuses of a web server's it refuses in
// FastCGI, wherever the octets of the request are.
func TestBrokerOverloaded(t *testing.T) {
	request := []byte(askFCGI("a", "some body", true))
	for _, cut := range []int{0, 5, 100, len(request)} {
		file, err := unnamedFile()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		if _, err := file.Write(request[cut/2 : cut]); err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close(); theirs.Close() })
		h := &held{Parcel: ferry.Parcel{Unread: request[:cut/2], File: file}, note: note{fcgi: true}}
		ended := make(chan error, 1)
		go func() { ended <- h.overload(ours) }()
		go func() { _, _ = io.Copy(theirs, bytes.NewReader(request[cut:])) }()
		c := &caller{theirs, bufio.NewReader(theirs)}
		out, end, managed, err := c.hearFCGI()
		if !strings.HasPrefix(out, "Status: 503") || end.ProtocolStatus != fcgi.Overloaded || managed != 1 || err != nil {
			t.Errorf("%q %+v %d %v", out, end, managed, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
