package nethttp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// secured is a connection that says it is encrypted.
type secured struct {
	fakeConn
	version uint16
}

func (s secured) Handshake() error { return nil }
func (s secured) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{Version: s.version, ServerName: "example.test"}
}

// TestTLS: handlers see how the client is connected; a connection that could be
// encrypted and is not says nothing.
func TestTLS(t *testing.T) {
	for version, want := range map[uint16]string{0: "", tls.VersionTLS13: "example.test"} {
		ctx := parsed(t, simple)
		ctx.Init2(secured{version: version}, nil, false)
		got := ""
		err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.TLS != nil {
				got = r.TLS.ServerName
			}
		}), ctx, &idle{})
		if got != want || err != nil {
			t.Errorf("version %d: %q %v", version, got, err)
		}
	}
}

// TestMadeRequest: a request that no parser has read.
func TestMadeRequest(t *testing.T) {
	ctx := new(fasthttp.RequestCtx)
	ctx.Init2(fakeConn{}, nil, false)
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/made?x")
	ctx.Request.Header.SetHost("example.test")
	ctx.Request.Header.Set("x-a", "1")
	ctx.Request.Header.SetContentLength(4)
	ctx.Request.SetBodyString("body")
	err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, r.URL, r.Host, r.Header.Get("X-A"), string(b), err, r.RemoteAddr)
	}), ctx, &idle{})
	if got := string(ctx.Response.Body()); got != "POST/made?xexample.test1body<nil>127.0.0.1:1" || err != nil {
		t.Error(got, err)
	}
}

// TestDefaultHandler: no handler is net/http's default one.
func TestDefaultHandler(t *testing.T) {
	ctx := parsed(t, simple)
	if err := Serve(nil, ctx, &idle{}); err != nil || ctx.Response.StatusCode() != 404 {
		t.Error(err, ctx.Response.StatusCode())
	}
}

// TestSeveralGoroutines: writes of a handler's goroutines are safe beside each
// other, beside deadlines, and beside the end of the request.
func TestSeveralGoroutines(t *testing.T) {
	var late sync.WaitGroup
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var all sync.WaitGroup
		begun := make(chan bool)
		w.Header().Set("Content-Type", "text/plain")
		for range 4 {
			all.Go(func() {
				for i := range 100 {
					w.Write(bytes.Repeat([]byte("x"), 10*i))
					w.(http.Flusher).Flush()
					http.NewResponseController(w).SetWriteDeadline(time.Time{})
				}
			})
		}
		all.Wait()
		late.Go(func() {
			close(begun)
			for {
				if _, err := w.Write([]byte("y")); err != nil {
					return
				}
				_ = r.Context().Err()
			}
		})
		<-begun
	})}
	a := ask(t, f.start(t), get("/"))
	late.Wait()
	if n := strings.Count(a.body, "x"); a.cut || n != 4*10*99*100/2 {
		t.Error(a.cut, n)
	}
}

// TestUnhijackedSwitch: a 101 that is no more than a status ends the connection.
func TestUnhijackedSwitch(t *testing.T) {
	ctx := parsed(t, simple)
	err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101) }), ctx, &idle{})
	if err != nil || !ctx.Response.ConnectionClose() {
		t.Error(err, ctx.Response.ConnectionClose())
	}
}

// TestDeadlineEndsWrite: a goroutine of the handler's can end a Write that waits
// for a client that does not read.
func TestDeadlineEndsWrite(t *testing.T) {
	over := make(chan error, 1)
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writing := make(chan bool, 1)
		go func() {
			<-writing
			_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
		}()
		for {
			_, err := w.Write(make([]byte, 1<<20))
			if err != nil {
				over <- err
				return
			}
			select {
			case writing <- true:
			default:
			}
		}
	})}
	c, err := net.Dial("tcp", f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, get("/"))
	if err := <-over; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
