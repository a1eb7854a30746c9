package httpd_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client is a strict client with one kept connection. It counts as a failure
// whatever HTTP does not allow a server to do, with one exception: a connection
// may be closed on which no octet of an answer has come. The request goes out
// anew then, and closed counts it.
type client struct {
	network string
	address string
	conn    net.Conn
	r       *bufio.Reader
	closed  int
}

func newClient(t testing.TB, url string) *client {
	c := &client{network: "tcp", address: strings.TrimPrefix(url, "http://")}
	if path, ok := strings.CutPrefix(url, "http+unix://"); ok {
		c.network, c.address = "unix", path
	}
	t.Cleanup(c.close)
	return c
}

func (c *client) dial() error {
	conn, err := net.Dial(c.network, c.address)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c.conn, c.r = conn, bufio.NewReader(conn)
	return nil
}

// adopted is a client on a connection that is there.
func adopted(conn net.Conn) *client {
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{conn: conn, r: bufio.NewReader(conn)}
}

// send sends octets as they are, over a connection of their own.
func (c *client) send(t testing.TB, octets string) {
	t.Helper()
	if c.conn == nil {
		if err := c.dial(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(c.conn, octets); err != nil {
		t.Fatal(err)
	}
}

// receive reads the head of the next answer; its body is the caller's to read.
func (c *client) receive(t testing.TB, method string) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("answer to %s: %v", method, err)
	}
	return resp
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// errUnanswered says that the connection ended before any octet of an answer.
var errUnanswered = errors.New("connection closed before the answer")

// get sends GET path until it is answered.
func (c *client) get(path string) (int, string, error) { return c.do("GET", path, "") }

func (c *client) do(method, path, body string) (int, string, error) {
	for range 1000 {
		status, text, err := c.try(method, path, body)
		if !errors.Is(err, errUnanswered) {
			return status, text, err
		}
		c.closed++
	}
	return 0, "", fmt.Errorf("%s %s: never answered", method, path)
}

func (c *client) try(method, path, body string) (int, string, error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return 0, "", err
		}
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	var req bytes.Buffer
	fmt.Fprintf(&req, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	if method == "POST" {
		fmt.Fprintf(&req, "Content-Length: %d\r\n", len(body))
	}
	req.WriteString("\r\n" + body)
	// Reading tells more than a failed write does.
	_, _ = c.conn.Write(req.Bytes())
	if _, err := c.r.Peek(1); err != nil {
		c.close()
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return 0, "", err
		}
		return 0, "", errUnanswered
	}
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.close()
		return 0, "", fmt.Errorf("answer to %s %s: %w", method, path, err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		c.close()
		return 0, "", fmt.Errorf("body of the answer to %s %s: %w", method, path, err)
	}
	if resp.Close {
		if n := c.r.Buffered(); n > 0 {
			return 0, "", fmt.Errorf("%d octets after the last answer", n)
		}
		c.close()
	}
	return resp.StatusCode, string(text), nil
}

// must is get for an answer that has to be 200.
func (c *client) must(t testing.TB, path string) string {
	t.Helper()
	status, text, err := c.get(path)
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK {
		t.Fatalf("GET %s: status %d, body %q", path, status, text)
	}
	return text
}

// pid asks which worker answers, and how many requests it has served.
func (c *client) pid(t testing.TB) (pid, served int) {
	t.Helper()
	pid, served, err := c.whose()
	if err != nil {
		t.Fatal(err)
	}
	return pid, served
}

func (c *client) whose() (pid, served int, err error) {
	status, text, err := c.get("/pid")
	if err != nil {
		return 0, 0, err
	}
	if status != http.StatusOK {
		return 0, 0, fmt.Errorf("GET /pid: status %d, body %q", status, text)
	}
	if _, err := fmt.Sscanf(text, "pid=%d served=%d\n", &pid, &served); err != nil {
		return 0, 0, fmt.Errorf("GET /pid: %q: %w", text, err)
	}
	return pid, served, nil
}
