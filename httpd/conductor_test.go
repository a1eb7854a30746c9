package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// conductor directs handlers step by step, whichever process they run in: a
// handler that is asked for with ?by=<address> calls there and waits for its cues.
// So the tests need no clock.
type conductor struct {
	t testing.TB
	l *net.TCPListener
}

func conduct(t testing.TB) *conductor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &conductor{t, l.(*net.TCPListener)}
}

// by is the query that makes a handler call.
func (c *conductor) by() string { return "?by=" + c.l.Addr().String() }

// player is a handler that has called.
type player struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	pid  int // of its worker
}

// next is the next handler that calls.
func (c *conductor) next() *player {
	c.t.Helper()
	_ = c.l.SetDeadline(time.Now().Add(patience))
	conn, err := c.l.Accept()
	if err != nil {
		c.t.Fatalf("no handler has called: %v", err)
	}
	c.t.Cleanup(func() { conn.Close() })
	p := &player{t: c.t, conn: conn, r: bufio.NewReader(conn)}
	if _, err := fmt.Sscanf(p.line(), "here %d", &p.pid); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// cue tells the handler to go on with something.
func (p *player) cue(what string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, what+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// line is the next thing that the handler says.
func (p *player) line() string {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("the handler said %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// gone waits for the handler's end.
func (p *player) gone() {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, p.r); errors.Is(err, errDeadline) {
		p.t.Fatal("the handler has not ended")
	}
}

// call is the handler's side: its line to the conductor.
func call(pid int, by string) (net.Conn, *bufio.Reader, error) {
	conn, err := net.Dial("tcp", by)
	if err != nil {
		return nil, nil, err
	}
	if _, err := fmt.Fprintf(conn, "here %d\n", pid); err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, bufio.NewReader(conn), nil
}

// until waits for something that has to become true.
func until(t *testing.T, what func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		wrong := what()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(wrong)
		}
	}
}

// perform answers the paths that a conductor directs. It reports false for others.
func perform(ctx *fasthttp.RequestCtx) bool {
	path := string(ctx.Path())
	switch path {
	case "/sized": // says the length of its stream and writes another one
		announced, _ := ctx.QueryArgs().GetUint("say")
		written, _ := ctx.QueryArgs().GetUint("write")
		ctx.Response.Header.SetContentLength(announced)
		httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
			_, err := w.WriteString(strings.Repeat("x", written))
			return err
		})
		return true
	case "/held", "/paced", "/flood", "/watch":
	default:
		return false
	}
	conn, cues, err := call(httpd.WorkerOf(ctx).PID, string(ctx.QueryArgs().Peek("by")))
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return true
	}
	switch path {
	case "/held": // answers at the first cue
		defer conn.Close()
		_, _ = cues.ReadString('\n')
		ctx.WriteString("held\n")
	case "/watch": // says why its context has ended
		defer conn.Close()
		over := httpd.Context(ctx)
		io.WriteString(conn, "watching\n")
		<-over.Done()
		fmt.Fprintln(conn, cause(over))
	case "/paced": // one piece for each cue
		httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
			defer conn.Close()
			for {
				cue, err := cues.ReadString('\n')
				switch {
				case err != nil:
					return nil
				case cue == "panic\n":
					panic("in the middle of a stream")
				case cue == "fail\n":
					return errors.New("in the middle of a stream")
				}
				if _, err := w.WriteString("piece " + cue); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
		})
	case "/flood": // as much as the client takes, and says how much
		httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
			defer conn.Close()
			piece := make([]byte, 32<<10)
			for {
				n, err := w.Write(piece)
				if err == nil {
					err = w.Flush()
				}
				if err != nil {
					fmt.Fprintf(conn, "over: %t\n", errors.Is(err, httpd.ErrStreamClosed))
					return err
				}
				fmt.Fprintln(conn, n)
			}
		})
	}
	return true
}
