package httpd_test

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// probeVariable makes the children of a server answer as probe does, or as
// probeProgram if they are external programs.
const probeVariable = "BIDENT_TEST_PROBE"

func init() {
	switch {
	case os.Getenv(probeVariable) == "":
	case httpd.InChild():
		s := &httpd.Server{Name: childName(), Handler: httpd.Fast(probe)}
		fmt.Fprintln(os.Stderr, s.Run(context.Background()))
		os.Exit(1)
	case os.Getenv(probeVariable) == "program":
		if err := fcgi.Serve(nil, http.HandlerFunc(probeProgram)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// probeKinds are kinds of worker whose handlers say what has reached them.
func probeKinds() []kind {
	goHandler := func(s *httpd.Server) {
		s.Handler = httpd.Fast(probe)
		if s.Mode == httpd.Fork {
			s.Env = append(s.Env, probeVariable+"=handler")
		}
	}
	list := make([]kind, 0, 5)
	for _, k := range handlerKinds() {
		list = append(list, k.with(goHandler))
	}
	return append(list, kinds[4].with(func(s *httpd.Server) { s.Env = []string{probeVariable + "=program"} }))
}

// probeHandlerKinds are those of them with a Go handler.
func probeHandlerKinds() []kind { return probeKinds()[:4] }

// seen is how the handlers at /see say what has reached them.
func seen(method, host, field, body string) string {
	return fmt.Sprintf("method=%s host=%s field=%s body=%q\n", method, host, field, body)
}

// probe is the handler.
func probe(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/plain")
	query := func(name string) string { return string(ctx.QueryArgs().Peek(name)) }
	n, _ := strconv.Atoi(query("n"))
	switch string(ctx.Path()) {
	case "/see":
		ctx.WriteString(seen(string(ctx.Method()), string(ctx.Host()),
			string(ctx.Request.Header.Peek("X-Field")), string(ctx.PostBody())))
	case "/sum":
		fmt.Fprintf(ctx, "%d %x\n", len(ctx.PostBody()), sha1.Sum(ctx.PostBody()))
	case "/big":
		ctx.SetBody(make([]byte, n))
	case "/status":
		// With a body, whatever the status says about it.
		ctx.SetStatusCode(n)
		switch query("how") {
		case "stream":
			httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
				for range 100 {
					if _, err := w.WriteString(strings.Repeat("body", 1000)); err != nil {
						return err
					}
				}
				return nil
			})
		case "reader":
			ctx.SetBodyStream(strings.NewReader(strings.Repeat("body", 100_000)), -1)
		case "sized":
			ctx.SetBodyStream(strings.NewReader(strings.Repeat("body", 100_000)), 400_000)
		default:
			ctx.WriteString("body")
		}
	case "/connection":
		ctx.Response.Header.Set("Connection", query("is"))
		ctx.WriteString("answer\n")
	default:
		suiteHandler(ctx)
	}
}

// probeProgram is the same as far as a program can.
func probeProgram(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/see":
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, seen(r.Method, r.Host, r.Header.Get("X-Field"), string(body)))
	case "/sum":
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %x\n", len(body), sha1.Sum(body))
	case "/big":
		n, _ := strconv.Atoi(r.FormValue("n"))
		w.Write(make([]byte, n))
	default:
		responder(w, r)
	}
}

// overBoth makes a kind listen on a UNIX socket, too.
func overBoth(t *testing.T, k kind) kind {
	t.Helper()
	dir, err := os.MkdirTemp("", "b") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return k.with(func(s *httpd.Server) {
		s.Listen = []string{"http://127.0.0.1:0", "http+unix://" + filepath.Join(dir, "s")}
	})
}

// eachAddress runs a scenario over all addresses of a server.
func (s *server) eachAddress(t *testing.T, scenario func(t *testing.T, url string)) {
	for _, url := range s.Addrs() {
		scheme, _, _ := strings.Cut(url, "://")
		t.Run(scheme, func(t *testing.T) { scenario(t, url) })
	}
}

// dialed is a client that is connected.
func dialed(t testing.TB, url string) *client {
	t.Helper()
	c := newClient(t, url)
	if err := c.dial(); err != nil {
		t.Fatal(err)
	}
	return c
}

// push sends as much as the server takes; it may have closed before.
func (c *client) push(octets string) { _, _ = io.WriteString(c.conn, octets) }

// trickle sends octet by octet.
func (c *client) trickle(octets string) {
	for i := range len(octets) {
		if _, err := io.WriteString(c.conn, octets[i:i+1]); err != nil {
			return
		}
	}
}

// shut closes the client's side.
func (c *client) shut(t testing.TB) {
	t.Helper()
	if err := c.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
}

// reply is an answer that was read.
type reply struct {
	*http.Response
	text string
}

// read reads an answer to the end of its body.
func (c *client) read(method string) (reply, error) {
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	text, err := io.ReadAll(resp.Body)
	return reply{resp, string(text)}, err
}

// over checks that the server has ended the connection, in an orderly way.
func (c *client) over(t testing.TB) {
	t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		t.Errorf("after the last answer: %q %v", rest, err)
	}
}

// requests is how many requests handlers have had so far.
func (s *server) requests(t testing.TB) int64 {
	t.Helper()
	st, err := s.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st.Totals.Requests
}

// idle waits until no worker has a request in hand.
func (s *server) idle(t testing.TB) {
	t.Helper()
	s.awaitStatus(t, "a worker has a request in hand", func(st *httpd.Status) bool {
		for _, w := range st.Workers {
			if slices.ContainsFunc(w.Lanes, func(l httpd.StatusLane) bool { return l.State == "W" }) {
				return false
			}
		}
		return true
	})
}

// config is a pool for probes: few workers, no limit on requests.
var probePool = pool.Config{MaxRequests: pool.NoLimit}
