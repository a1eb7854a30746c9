package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// leaveAnswer asks for something that is never all answered, reads the first line and
// leaves. It returns the request's tag, and when the client has left.
func leaveAnswer(t *testing.T, p *plaintiff, path string) (tag string, at time.Time) {
	t.Helper()
	tag, octets := p.request(path)
	c, err := net.DialTimeout("tcp", p.address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		at = time.Now()
		c.Close()
	}()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = c.Write(octets)
	r := bufio.NewReader(c)
	for line := ""; err == nil && line != tag+"\n"; line, err = r.ReadString('\n') {
	}
	if err != nil && err != io.EOF {
		t.Fatalf("answer before the client leaves: %v", err)
	}
	return tag, at
}

// TestAbort: a program learns that a client has left by FCGI_ABORT_REQUEST, and its
// process serves the next one.
func TestAbort(t *testing.T) {
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--", "culprit")
	p := &plaintiff{t: t, address: strings.TrimPrefix(d.urls[0], "http://"), name: "abort"}
	var longest time.Duration
	for range 10 {
		tag, at := leaveAnswer(t, p, "awaits-abort")
		d.waitLog("aborted " + tag)
		longest = max(longest, time.Since(at))
		if got := p.sue("padding"); got != "200" {
			t.Errorf("the next request: %s", got)
		}
	}
	t.Logf("from the client's leaving to the program's word in the log: at most %s", longest)
	d.end(0)
}

// TestAbortedStream: FCGI_ABORT_REQUEST ends a handler that streams, and with it the
// request.
func TestAbortedStream(t *testing.T) {
	for _, k := range kinds()[:2] {
		t.Run(k.name, func(t *testing.T) {
			d := serveForTest(t, append([]string{"--listen=fcgi+unix://" + shortDir(t) + "/s"}, k.flags...)...)
			w := dialResponder(t, d.urls[0])
			var longest time.Duration
			for range 10 {
				w.send(whole(1, environ("GET", "/stream?n=1000000&ms=5000", -1), "")...)
				for got := w.next(); !strings.Contains(string(got.content), "chunk 0"); got = w.next() {
				}
				at := time.Now()
				w.send(record{kind: fcgiAbort, id: 1})
				for got := w.next(); got.kind != fcgiEnd; got = w.next() {
				}
				longest = max(longest, time.Since(at)) // 5 s if it had to wait for the next chunk
				w.serves()
			}
			t.Logf("from FCGI_ABORT_REQUEST to FCGI_END_REQUEST: at most %s", longest)
		})
	}
}

// TestOverloaded: when the queue is full a request is ended with FCGI_OVERLOADED.
func TestOverloaded(t *testing.T) {
	d := serveForTest(t, "--listen=fcgi+unix://"+shortDir(t)+"/s", "--max-servers=1", "--queue-size=1")
	busy := dialResponder(t, d.urls[0])
	busy.send(whole(1, environ("GET", "/stream?n=1000000&ms=10", -1), "")...)
	busy.next()
	answers := make(chan byte, 2)
	for range 2 {
		w := dialResponder(t, d.urls[0])
		w.send(hello(1)...)
		go func() {
			for {
				got, err := readRecord(w.r)
				if err != nil {
					answers <- 255
					return
				}
				if got.kind == fcgiEnd {
					answers <- got.content[4]
					return
				}
			}
		}()
	}
	if status := <-answers; status != 2 {
		t.Errorf("protocol status %d, not 2, of one request more than the queue takes", status)
	}
	busy.send(record{kind: fcgiAbort, id: 1})
	if status := <-answers; status != 0 {
		t.Errorf("protocol status %d, not 0, of the one that waited", status)
	}
}
