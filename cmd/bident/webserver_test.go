//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// webServer plays the web server's part towards a FastCGI responder, record by
// record, over one connection. It fails the test at the first octet that the
// specification does not allow.
type webServer struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
	// dial makes another connection to the same responder.
	dial func() net.Conn
}

// dialResponder connects to a URL that a server has said it listens on.
func dialResponder(t *testing.T, url string) *webServer {
	t.Helper()
	network, address, ok := "unix", "", false
	if address, ok = strings.CutPrefix(url, "fcgi+unix://"); !ok {
		network = "tcp"
		_, address, _ = strings.Cut(url, "://")
	}
	dial := func() net.Conn {
		c, err := net.DialTimeout(network, address, patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		return c
	}
	w := &webServer{t: t, dial: dial}
	w.renew()
	return w
}

// renew goes on with another connection.
func (w *webServer) renew() {
	if w.Conn != nil {
		w.Close()
	}
	w.Conn = w.dial()
	w.r = bufio.NewReader(w.Conn)
}

const keepConn = 1

// beginRecord is FCGI_BEGIN_REQUEST (section 5.1). The reserved octets are not zero:
// nobody may look at them.
func beginRecord(id, role uint16, flags byte) record {
	return record{kind: fcgiBegin, id: id, content: []byte{byte(role >> 8), byte(role), flags, 1, 2, 3, 4, 5}}
}

const (
	responderRole  = 1
	authorizerRole = 2
	filterRole     = 3
)

// environ are the parameters of a request, as web servers send them.
func environ(method, uri string, body int, more ...string) map[string]string {
	path, query, _ := strings.Cut(uri, "?")
	env := map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "test", "SERVER_PORT": "80",
		"SERVER_SOFTWARE": "test", "REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "1234", "SERVER_ADDR": "192.0.2.2",
		"HTTP_HOST": "test", "REQUEST_METHOD": method, "REQUEST_URI": uri, "SCRIPT_NAME": "", "PATH_INFO": path,
		"QUERY_STRING": query,
	}
	if body >= 0 {
		env["CONTENT_LENGTH"] = strconv.Itoa(body)
	}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// encode writes parameters, sorted by name.
func encode(env map[string]string, long bool) (b []byte) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		b = append(b, pair(name, env[name], long)...)
	}
	return b
}

// whole are the records of a request to a responder.
func whole(id uint16, env map[string]string, body string) []record {
	return slices.Concat([]record{beginRecord(id, responderRole, keepConn)},
		stream(fcgiParams, id, encode(env, false), 65535), stream(fcgiStdin, id, []byte(body), 65535))
}

// hello are the records of the simplest request.
func hello(id uint16) []record { return whole(id, environ("GET", "/hello", -1), "") }

// send writes records at once.
func (w *webServer) send(records ...record) { w.octets(wire(records...)) }

func (w *webServer) octets(b []byte) {
	w.t.Helper()
	if _, err := w.Write(b); err != nil {
		w.t.Fatalf("write: %v", err)
	}
}

// next reads a record, which must be there.
func (w *webServer) next() record {
	w.t.Helper()
	got, err := readRecord(w.r)
	if err != nil {
		w.t.Fatalf("instead of a record: %v", err)
	}
	if got.version != 1 {
		w.t.Fatalf("a record of version %d", got.version)
	}
	return got
}

// reply is what came of a request.
type reply struct {
	stdout, stderr []byte
	app            uint32
	protocol       byte
	values         []map[string]string // of FCGI_GET_VALUES_RESULT that came meanwhile
}

// reply reads records up to the end of a request. FCGI_STDOUT must have ended before
// it if it has begun; nothing may come on a stream that has ended, nor for others.
func (w *webServer) reply(id uint16) (got reply) {
	w.t.Helper()
	over := make(map[byte]bool)
	for {
		r := w.next()
		switch {
		case r.id == 0 && r.kind == fcgiValues:
			values, err := pairs(r.content)
			if err != nil {
				w.t.Fatalf("FCGI_GET_VALUES_RESULT %q: %v", r.content, err)
			}
			got.values = append(got.values, values)
		case r.id != id:
			w.t.Fatalf("record of type %d with id %d in the answer to request %d", r.kind, r.id, id)
		case r.kind == fcgiEnd && len(r.content) == 8:
			if len(got.stdout) > 0 && !over[fcgiStdout] || len(got.stderr) > 0 && !over[fcgiStderr] {
				w.t.Fatalf("FCGI_END_REQUEST before the end of a stream; %d octets of FCGI_STDOUT, %d of FCGI_STDERR", len(got.stdout), len(got.stderr))
			}
			b := r.content
			got.app, got.protocol = uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]), b[4]
			return got
		case (r.kind == fcgiStdout || r.kind == fcgiStderr) && !over[r.kind]:
			over[r.kind] = len(r.content) == 0
			if r.kind == fcgiStdout {
				got.stdout = append(got.stdout, r.content...)
			} else {
				got.stderr = append(got.stderr, r.content...)
			}
		default:
			w.t.Fatalf("record of type %d, %d octets, in an answer; streams ended: %v", r.kind, len(r.content), over)
		}
	}
}

// head takes an answer apart: its status, 200 if none is there, and its body.
func (g reply) head() (status int, fields string, body string) {
	head, rest, _ := bytes.Cut(g.stdout, []byte("\r\n\r\n"))
	status = 200
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if value, ok := strings.CutPrefix(line, "Status: "); ok {
			_, _ = fmt.Sscan(value, &status)
		}
	}
	return status, string(head), string(rest)
}

// expect reads the answer to a request, which must be complete and have this body.
func (w *webServer) expect(id uint16, body string) reply {
	w.t.Helper()
	got := w.reply(id)
	status, _, text := got.head()
	if got.app != 0 || got.protocol != 0 || status != 200 || text != body {
		w.t.Fatalf("request %d: status %d, %d octets, application status %d, protocol status %d, expected 200 and %d octets: %.100q",
			id, status, len(text), got.app, got.protocol, len(body), got.stdout)
	}
	return got
}

// serves makes sure that the connection carries another request.
func (w *webServer) serves() {
	w.t.Helper()
	w.send(hello(7)...)
	w.expect(7, "hello\n")
}

// closed makes sure that the responder closes the connection and says nothing more.
func (w *webServer) closed() {
	w.t.Helper()
	if got, err := readRecord(w.r); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		w.t.Fatalf("record of type %d with id %d, %v, instead of the end of the connection", got.kind, got.id, err)
	}
	w.renew()
	w.serves()
}

// refused makes sure that a request is ended with a protocol status.
func (w *webServer) refused(id uint16, status byte) {
	w.t.Helper()
	if got := w.reply(id); got.protocol != status || len(got.stdout) > 0 {
		w.t.Fatalf("protocol status %d, not %d; %d octets of FCGI_STDOUT", got.protocol, status, len(got.stdout))
	}
}
