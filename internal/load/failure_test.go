package load

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestFailures proves that each way to misbehave is counted under its kind, and
// that no request is lost from the account.
func TestFailures(t *testing.T) {
	hold := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	tests := []struct {
		name   string
		serve  func(net.Conn, int)
		config Config
		want   map[Kind]uint64
		ok     uint64 // answers
	}{
		{"lost at once", func(conn net.Conn, _ int) { readRequest(bufio.NewReader(conn)) },
			Config{Requests: 3}, map[Kind]uint64{Lost: 3}, 0},
		{"lost by reset", func(conn net.Conn, _ int) { readRequest(bufio.NewReader(conn)); reset(conn) },
			Config{Requests: 3}, map[Kind]uint64{Lost: 3}, 0},
		{"kept connection closed without warning", func(conn net.Conn, _ int) {
			r := bufio.NewReader(conn)
			readRequest(r)
			io.WriteString(conn, hello)
			readRequest(r)
		}, Config{Requests: 4}, map[Kind]uint64{Lost: 2}, 2},
		{"pipelined and lost", func(conn net.Conn, _ int) {
			r := bufio.NewReader(conn)
			for range 4 {
				readRequest(r)
			}
			io.WriteString(conn, hello)
		}, Config{Requests: 4, Pipeline: 4}, map[Kind]uint64{Lost: 3}, 1},
		{"early close in the body", once(hello[:len(hello)-1]), Config{Requests: 2}, map[Kind]uint64{Early: 2}, 0},
		{"early close in the head", once("HTTP/1.1 200"), Config{Requests: 2}, map[Kind]uint64{Early: 2}, 0},
		{"early close in a chunk", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
			Config{Requests: 1}, map[Kind]uint64{Early: 1}, 0},
		{"early close before the last chunk", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
			Config{Requests: 1}, map[Kind]uint64{Early: 1}, 0},
		{"early close behind 100", once("HTTP/1.1 100 Continue\r\n\r\n"), Config{Requests: 1}, map[Kind]uint64{Early: 1}, 0},
		{"early reset until close", func(conn net.Conn, _ int) {
			// The request stays unread, which makes the close a reset.
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\npart")
			conn.Read(make([]byte, 1))
		}, Config{Requests: 1}, map[Kind]uint64{Early: 1}, 0},
		{"garbage", once("SSH-2.0-x\r\n"), Config{Requests: 2}, map[Kind]uint64{Framing: 2}, 0},
		{"garbage without end", func(conn net.Conn, _ int) { io.WriteString(conn, "?"); hold(conn) },
			Config{Requests: 2}, map[Kind]uint64{Framing: 2}, 0},
		{"two lengths", once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
			Config{Requests: 1}, map[Kind]uint64{Framing: 1}, 0},
		{"unexpected octets", func(conn net.Conn, _ int) {
			readRequest(bufio.NewReader(conn))
			io.WriteString(conn, hello+"more")
			hold(conn)
		}, Config{Requests: 2}, map[Kind]uint64{Unexpected: 2}, 2},
		{"unexpected octets behind the close", once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nmore"),
			Config{Requests: 2}, map[Kind]uint64{Unexpected: 2}, 2},
		{"announced close that does not come", answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
			Config{Requests: 1, Timeout: 500 * time.Millisecond}, map[Kind]uint64{Lingering: 1}, 1},
		{"asked close that does not come", answering(hello),
			Config{Requests: 1, Close: true, Timeout: 500 * time.Millisecond}, map[Kind]uint64{Lingering: 1}, 1},
		{"announced close that comes as a reset", func(conn net.Conn, _ int) {
			readRequest(bufio.NewReader(conn))
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			reset(conn)
		}, Config{Requests: 1}, map[Kind]uint64{Lingering: 1}, 1},
		{"timeout", func(conn net.Conn, _ int) { hold(conn) },
			Config{Requests: 2, Timeout: 50 * time.Millisecond}, map[Kind]uint64{Timeout: 2}, 0},
		{"timeout in the body", func(conn net.Conn, _ int) { io.WriteString(conn, hello[:len(hello)-1]); hold(conn) },
			Config{Requests: 1, Timeout: 50 * time.Millisecond}, map[Kind]uint64{Timeout: 1}, 0},
		{"timeout of one pipelined", func(conn net.Conn, _ int) { io.WriteString(conn, hello); hold(conn) },
			Config{Requests: 3, Pipeline: 3, Timeout: 500 * time.Millisecond}, map[Kind]uint64{Timeout: 1, Lost: 1}, 1},
		{"wrong status", answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
			Config{Requests: 2, ExpectStatus: 200}, map[Kind]uint64{Status: 2}, 2},
		{"wrong body", answering(hello), Config{Requests: 2, ExpectBody: []byte("hellO\n")}, map[Kind]uint64{Content: 2}, 2},
		{"short body", answering(hello), Config{Requests: 2, ExpectBody: []byte("hello\n\n")}, map[Kind]uint64{Content: 2}, 2},
		{"long body", answering(hello), Config{Requests: 2, ExpectBody: []byte{}}, map[Kind]uint64{Content: 2}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := test.config
			c.URL, c.Connections = scripted(t, test.serve), 1
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

func checkErrors(t *testing.T, report *Report, want map[Kind]uint64) {
	t.Helper()
	var sum uint64
	for kind := range kinds {
		if report.Errors[kind] != want[kind] {
			t.Errorf("%v: %d, want %d (%s)", kind, report.Errors[kind], want[kind], report.Examples[kind])
		}
		sum += want[kind]
	}
	if report.Failures() != sum {
		t.Errorf("Failures() = %d, want %d", report.Failures(), sum)
	}
}

func TestConnectFailure(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	listener.Close()
	for _, url := range []string{url, "http+unix://" + filepath.Join(t.TempDir(), "nobody")} {
		report, err := Run(t.Context(), Config{URL: url, Connections: 2, Requests: 3})
		if err != nil {
			t.Fatal(err)
		}
		checkErrors(t, report, map[Kind]uint64{Connect: 3})
	}
}

func TestTimeoutOfWrite(t *testing.T) {
	release := make(chan struct{})
	url := scripted(t, func(net.Conn, int) { <-release })
	t.Cleanup(func() { close(release) })
	report, err := Run(t.Context(), Config{URL: url, Connections: 1, Requests: 2, Method: "POST",
		Body: make([]byte, 32<<20), Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	checkErrors(t, report, map[Kind]uint64{Timeout: 2})
}

// A failure while warming up is told apart, and still a failure.
func TestFailureDuringWarmup(t *testing.T) {
	url := scripted(t, func(conn net.Conn, number int) {
		if number == 0 {
			once("nonsense\r\n")(conn, number)
			return
		}
		answering(hello)(conn, number)
	})
	report, err := Run(t.Context(), Config{URL: url, Connections: 1, Requests: 5, Warmup: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if report.Requests != 5 || report.WarmErrors[Framing] != 1 || len(report.Errors) != 0 || report.Failures() != 1 {
		t.Errorf("requests %d, warm %v, errors %v", report.Requests, report.WarmErrors, report.Errors)
	}
	if report.WarmRequests == 0 {
		t.Error("nothing was answered while warming up")
	}
}
