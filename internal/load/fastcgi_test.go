package load

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/internal/fcgi"
)

// responding serves each connection with fcgi.ServerConn.
func responding(answer func(s *fcgi.ServerConn, r *fcgi.Request)) func(net.Conn, int) {
	return func(conn net.Conn, _ int) {
		s := fcgi.NewServerConn(conn, fcgi.ServerConfig{MaxBody: -1})
		for {
			r, err := s.Next()
			if err != nil {
				return
			}
			answer(s, r)
		}
	}
}

// overFastCGI makes the URL of a scripted server one of a FastCGI responder.
func overFastCGI(url string) string { return "fcgi" + strings.TrimPrefix(url, "http") }

// TestAgainstResponder runs every shape of load against a responder that is known
// to be right, over TCP and over a UNIX socket, and checks that both count the
// same.
func TestAgainstResponder(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 40000)
	var served, wrong atomic.Int64
	respond := responding(func(s *fcgi.ServerConn, r *fcgi.Request) {
		served.Add(1)
		if string(r.Params.Get("CONTENT_LENGTH")) != "" && string(r.Params.Get("CONTENT_LENGTH")) != fmt.Sprint(len(r.Stdin)) {
			wrong.Add(1)
		}
		switch string(r.Params.Get("PATH_INFO")) {
		case "/echo":
			fmt.Fprintf(writer2(s.Stdout), "Content-Length: %d\r\n\r\n", len(r.Stdin))
			s.Stdout(r.Stdin)
		case "/pieces":
			for _, piece := range []string{"X: ", "y\n", "\n", "chunk 0\n", "chunk 1\n"} {
				s.Stdout([]byte(piece))
				s.Stderr([]byte("a word\n"))
				s.Flush()
			}
		case "/missing":
			s.Stdout([]byte("Status: 404 Not Found\n\n"))
		case "/variables":
			got := ""
			for _, name := range []string{"REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "HTTP_HOST", "HTTP_X_A", "CONTENT_TYPE", "SCRIPT_FILENAME", "SERVER_PORT"} {
				got += fmt.Sprintf("%s=%s ", name, r.Params.Get(name))
			}
			s.Stdout([]byte("X: y\n\n" + got))
		default:
			s.Stdout([]byte(cgiHello))
		}
		s.End(0)
	})
	for _, test := range []struct {
		name   string
		target string
		config Config
		status int
	}{
		{"kept", "/hello", Config{ExpectBody: []byte("hello\n")}, 200},
		{"close", "/hello", Config{Close: true, ExpectBody: []byte("hello\n")}, 200},
		{"HEAD", "/hello", Config{Method: "HEAD"}, 200},
		{"POST", "/echo", Config{Method: "POST", Body: []byte("some body"), ExpectBody: []byte("some body")}, 200},
		{"large POST", "/echo", Config{Method: "POST", Body: big, ExpectBody: big}, 200},
		{"large POST to a close", "/echo", Config{Method: "POST", Body: big, ExpectBody: big, Close: true}, 200},
		{"in pieces", "/pieces", Config{ExpectBody: []byte("chunk 0\nchunk 1\n")}, 200},
		{"404", "/missing", Config{ExpectBody: []byte{}}, 404},
		{"variables", "/variables?q=1&r", Config{
			Headers: []string{"host: example.org", "X-A: b", "x-a: c", "Content-Type: text/x"},
			Params:  []string{"SCRIPT_FILENAME=/srv/a=b.php", "SERVER_PORT=99"},
			ExpectBody: []byte("REQUEST_METHOD=GET REQUEST_URI=/variables?q=1&r QUERY_STRING=q=1&r HTTP_HOST=example.org " +
				"HTTP_X_A=b, c CONTENT_TYPE=text/x SCRIPT_FILENAME=/srv/a=b.php SERVER_PORT=99 "),
		}, 200},
	} {
		for network, listen := range map[string]func(*testing.T, func(net.Conn, int)) string{"tcp": scripted, "unix": scriptedUnix} {
			t.Run(test.name+" over "+network, func(t *testing.T) {
				c := test.config
				c.URL, c.Target, c.ExpectStatus = overFastCGI(listen(t, respond)), test.target, test.status
				c.Connections, c.Requests = 3, 50
				before := served.Load()
				report, err := Run(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				checkErrors(t, report, nil)
				if report.Requests != 50 || report.Inside != 50 || report.Statuses[test.status] != 50 {
					t.Errorf("requests %d, inside %d, statuses %v", report.Requests, report.Inside, report.Statuses)
				}
				if got := served.Load() - before; got != 50 || wrong.Load() > 0 {
					t.Errorf("the responder saw %d requests, %d with another length than they said", got, wrong.Load())
				}
				// Two may have answered all before the third has begun.
				if !c.Close && report.Connects > 3 || c.Close && report.Connects != 50 {
					t.Errorf("%d connections", report.Connects)
				}
			})
		}
	}
}

// writer2 lets fmt write to a stream of FastCGI.
type writer2 func([]byte) error

func (w writer2) Write(p []byte) (int, error) { return len(p), w(p) }

// TestFastCGIFailures proves that each way in which a responder can fail is counted
// under its kind.
func TestFastCGIFailures(t *testing.T) {
	end := func(e fcgi.EndRequest) func(net.Conn, int) {
		return responding(func(s *fcgi.ServerConn, _ *fcgi.Request) {
			if e.ProtocolStatus != fcgi.RequestComplete {
				s.Refuse(e.ProtocolStatus)
				return
			}
			s.Stdout([]byte(cgiHello))
			s.End(e.AppStatus)
		})
	}
	// raw answers every request with the same octets, and then does then.
	raw := func(octets string, then func(net.Conn)) func(net.Conn, int) {
		return func(conn net.Conn, _ int) {
			r := fcgi.NewReader(conn)
			for {
				f, err := r.Next()
				if err != nil {
					return
				}
				if f.Type == fcgi.TypeStdin && f.EndOfStream() {
					io.WriteString(conn, octets)
					then(conn)
				}
			}
		}
	}
	stay := func(net.Conn) {}
	leave := func(conn net.Conn) { conn.Close() }
	whole := said(cgiHello, fcgi.EndRequest{})
	for _, test := range []struct {
		name   string
		serve  func(net.Conn, int)
		config Config
		want   map[Kind]uint64
		ok     uint64
	}{
		{"overloaded, on a connection that stays", end(fcgi.EndRequest{ProtocolStatus: fcgi.Overloaded}), Config{Requests: 3}, map[Kind]uint64{Refused: 3}, 0},
		{"application status", end(fcgi.EndRequest{AppStatus: 3}), Config{Requests: 2}, map[Kind]uint64{Failed: 2}, 2},
		{"kept connection closed without warning", raw(whole, leave), Config{Requests: 2, Timeout: 5 * time.Second}, map[Kind]uint64{Lost: 1}, 1},
		{"lost", raw("", leave), Config{Requests: 2}, map[Kind]uint64{Lost: 2}, 0},
		{"no end of the request", raw(whole[:len(whole)-16], leave), Config{Requests: 2, Close: true}, map[Kind]uint64{Early: 2}, 0},
		{"garbage", raw(hello, stay), Config{Requests: 2}, map[Kind]uint64{Framing: 2}, 0},
		{"two answers", raw(whole+whole, stay), Config{Requests: 2}, map[Kind]uint64{Unexpected: 2}, 2},
		{"a close that does not come", raw(whole, stay), Config{Requests: 1, Close: true, Timeout: 300 * time.Millisecond}, map[Kind]uint64{Lingering: 1}, 1},
		{"silence", raw("", stay), Config{Requests: 2, Timeout: 50 * time.Millisecond}, map[Kind]uint64{Timeout: 2}, 0},
		{"wrong status", raw(whole, stay), Config{Requests: 2, ExpectStatus: 404}, map[Kind]uint64{Status: 2}, 2},
		{"wrong body", raw(whole, stay), Config{Requests: 2, ExpectBody: []byte("hello")}, map[Kind]uint64{Content: 2}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := test.config
			c.URL, c.Connections = overFastCGI(scripted(t, test.serve)), 1
			report, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			checkErrors(t, report, test.want)
			if report.Requests != test.ok {
				t.Errorf("%d answers, want %d", report.Requests, test.ok)
			}
		})
	}
}

// A client that gets no answer while others get theirs is starved, and its wait is
// the longest although it is not in the histogram.
func TestStarved(t *testing.T) {
	serve := responding(func(s *fcgi.ServerConn, _ *fcgi.Request) {
		s.Stdout([]byte(cgiHello))
		s.End(0)
	})
	url := overFastCGI(scriptedUnix(t, func(conn net.Conn, number int) {
		if number > 0 {
			serve(conn, number)
			return
		}
		io.Copy(io.Discard, conn)
	}))
	const timeout = 200 * time.Millisecond
	report, err := Run(t.Context(), Config{URL: url, Connections: 3, Duration: timeout / 2, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	w := report.Waits
	if w.Starved != 1 || w.Fewest != 0 || w.Longest < timeout || w.Most == 0 || report.Errors[Timeout] != 1 {
		t.Errorf("%+v, errors %v", w, report.Errors)
	}
}

func TestWaits(t *testing.T) {
	got := waits([]waited{{5, 100}, {9, 9}, {1, 110}, {2, 121}})
	if want := (Waits{Longest: 9, Median: 5, Fewest: 9, Most: 121}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := waits([]waited{{5, 100}, {9, 6}, {1, 110}, {2, 121}}); got.Starved != 1 {
		t.Errorf("%+v", got)
	}
	if got := waits([]waited{{5, 0}, {0, 0}}); got.Starved != 1 {
		t.Errorf("%+v", got)
	}
	if got := waits(nil); got != (Waits{}) {
		t.Errorf("%+v", got)
	}
}
