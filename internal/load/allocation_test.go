package load

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/internal/fcgi"
)

// canned is a connection on which every write is answered at once.
type canned struct {
	net.Conn // the methods that are not wanted
	answers  []byte
}

func (c *canned) Write(b []byte) (int, error)   { return len(b), nil }
func (c *canned) Read(b []byte) (int, error)    { return copy(b, c.answers), nil }
func (c *canned) SetDeadline(t time.Time) error { return nil }
func (c *canned) Close() error                  { return nil }

// keptConnection is one in the middle of a measured interval.
func keptConnection(tb testing.TB, pipeline int, answers string) *connection {
	r, err := newRun(context.Background(), Config{URL: "http://127.0.0.1:1/", Pipeline: pipeline,
		ExpectStatus: 200, ExpectBody: []byte("hello\n")}.withDefaults())
	if err != nil {
		tb.Fatal(err)
	}
	r.base = time.Now()
	r.begin.Store(0)
	c := newConnection(r)
	if strings.HasPrefix(answers, "\x01") {
		c.answer = newFramer(r.config, true)
	}
	c.conn, c.measured = &canned{answers: []byte(answers)}, true
	return c
}

// TestNoAllocations is the gate: a request on a kept connection allocates
// nothing, the delivery of counts included.
func TestNoAllocations(t *testing.T) {
	for name, answers := range map[string]string{
		"length":  hello,
		"chunks":  "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n",
		"FastCGI": said(cgiHello, fcgi.EndRequest{}),
		"FastCGI in pieces": record(fcgi.TypeStdout, 1, cgiHello[:9], 3) + record(fcgi.TypeStderr, 1, "x", 0) +
			record(fcgi.TypeStdout, 1, cgiHello[9:], 0) + complete,
	} {
		for _, pipeline := range []int{1, 3} {
			if strings.HasPrefix(name, "FastCGI") && pipeline > 1 {
				continue
			}
			all := ""
			for range pipeline {
				all += answers
			}
			c := keptConnection(t, pipeline, all)
			if got := testing.AllocsPerRun(1000, func() { c.exchange(pipeline) }); got != 0 {
				t.Errorf("%s, pipeline %d: %v allocations", name, pipeline, got)
			}
			if c.run.tally.errors != [kinds]uint64{} {
				t.Errorf("%s: failures %v", name, c.run.tally.examples)
			}
		}
	}
}

func BenchmarkFastCGI(b *testing.B) {
	c := keptConnection(b, 1, said(cgiHello, fcgi.EndRequest{}))
	b.ReportAllocs()
	for b.Loop() {
		c.exchange(1)
	}
}

func BenchmarkExchange(b *testing.B) {
	c := keptConnection(b, 1, "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhello\n")
	b.ReportAllocs()
	for b.Loop() {
		c.exchange(1)
	}
}
