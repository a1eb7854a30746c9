package httpd_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// playedUpstream is an upstream whose part is played by the test, connection by
// connection.
type playedUpstream struct {
	t   *testing.T
	l   net.Listener
	url string
}

// play listens on a network: tcp or unix.
func play(t *testing.T, network string) *playedUpstream {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	p := &playedUpstream{t: t}
	p.listen(network, address)
	p.url = "fcgi://" + p.l.Addr().String()
	if network == "unix" {
		p.url = "fcgi+unix://" + address
	}
	return p
}

func (p *playedUpstream) listen(network, address string) {
	p.t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.l = l
	p.t.Cleanup(func() { l.Close() })
}

// again listens anew, where it did before.
func (p *playedUpstream) again() {
	p.t.Helper()
	p.listen(p.l.Addr().Network(), p.l.Addr().String())
}

// front is a server before it; the first connection, which only looks whether
// somebody is there, has come and gone.
func (p *playedUpstream) front(change func(s *httpd.Server), config pool.Config) *server {
	p.t.Helper()
	s := start(p.t, kind{make: func(_ *testing.T, s *httpd.Server) {
		s.Handler = httpd.Upstream(p.url)
		if change != nil {
			change(s)
		}
	}}, config)
	p.next().over()
	return s
}

// wire is a connection to a played upstream.
type wire struct {
	t *testing.T
	net.Conn
	r  *bufio.Reader
	id uint16 // of the last record that came
}

// next is the next connection.
func (p *playedUpstream) next() *wire {
	p.t.Helper()
	_ = p.l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(patience))
	conn, err := p.l.Accept()
	if err != nil {
		p.t.Fatalf("no connection: %v", err)
	}
	p.t.Cleanup(func() { conn.Close() })
	return &wire{p.t, conn, bufio.NewReader(conn), 1}
}

// none checks that no connection waits to be accepted.
func (p *playedUpstream) none() {
	p.t.Helper()
	_ = p.l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(time.Millisecond))
	if conn, err := p.l.Accept(); err == nil {
		conn.Close()
		p.t.Error("one more connection came")
	}
}

// record is the next record, without its padding.
func (w *wire) record() (kind byte, content string, err error) {
	_ = w.SetReadDeadline(time.Now().Add(patience))
	var head [8]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return 0, "", err
	}
	b := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
	_, err = io.ReadFull(w.r, b)
	w.id = binary.BigEndian.Uint16(head[2:])
	return head[1], string(b[:len(b)-int(head[6])]), err
}

// asked is a request as it came over a wire.
type asked struct {
	method, uri, body string
	keep              bool
}

func (w *wire) request() (a asked, err error) {
	var params fcgi.Params
	for {
		kind, content, err := w.record()
		if err != nil {
			return a, err
		}
		switch {
		case kind == 1:
			a.keep = content[2]&1 != 0
		case kind == 4:
			_, _ = params.Write([]byte(content))
		case kind == 5 && content != "":
			a.body += content
		case kind == 5:
			a.method, a.uri = string(params.Get("REQUEST_METHOD")), string(params.Get("REQUEST_URI"))
			return a, nil
		}
	}
}

// expect reads a request, which must be this one.
func (w *wire) expect(what string) asked {
	w.t.Helper()
	a, err := w.request()
	if err != nil {
		w.t.Fatalf("instead of %s: %v", what, err)
	}
	if got := a.method + " " + a.uri; got != what {
		w.t.Fatalf("request is %s, expected %s", got, what)
	}
	return a
}

// answer is a whole answer.
func answer(body string) string {
	return record(stdout, "Content-Type: text/plain\r\n\r\n"+body) + record(stdout, "") + end(0)
}

func (w *wire) say(octets string) {
	w.t.Helper()
	if _, err := io.WriteString(w, forRequest(w.id, octets)); err != nil {
		w.t.Fatal(err)
	}
}

// over waits until the other side has closed the connection, having said nothing.
func (w *wire) over() {
	w.t.Helper()
	_ = w.SetReadDeadline(time.Now().Add(patience))
	if b, err := w.r.ReadByte(); err == nil {
		w.t.Errorf("octet %d, expected the end", b)
	} else if strings.Contains(err.Error(), "timeout") {
		w.t.Error("the connection was not closed")
	}
	w.Close()
}

// later is a request that is under way.
type later chan string

// request sends a request over a connection of its own.
func request(t *testing.T, url, method, path, body string) later {
	t.Helper()
	l := make(later, 1)
	c := newClient(t, url)
	go func() {
		status, text, err := c.try(method, path, body)
		if err != nil {
			l <- err.Error()
			return
		}
		l <- fmt.Sprintf("%d %s", status, text)
	}()
	return l
}

func (l later) is(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-l:
		if got != want {
			t.Errorf("answer %q, expected %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("no answer, expected %q", want)
	}
}

// networks runs a scenario over both.
func networks(t *testing.T, scenario func(t *testing.T, p *playedUpstream)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { scenario(t, play(t, network)) })
	}
}
