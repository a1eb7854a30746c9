package httpd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/coder/websocket"
	fastws "github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// webName is the server whose handler is one of net/http's.
const webName = "web"

// webKinds are the kinds of worker that call a net/http handler.
func webKinds() []kind {
	var list []kind
	for _, k := range handlerKinds() {
		list = append(list, k.with(func(s *httpd.Server) { s.Name, s.Handler = webName, httpd.HTTP(webHandler()) }))
	}
	return list
}

// webHandler is what it does.
func webHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /worker/{what}", func(w http.ResponseWriter, r *http.Request) {
		worker := httpd.WorkerOfRequest(r)
		state, _ := httpd.StateOfRequest[string](r)
		fmt.Fprintf(w, "%s %v %t %s", r.PathValue("what"), worker.Mode, worker.Served > 0, state)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s %v %v", len(b), r.Trailer.Get("X-Sum"), r.Header.Get("X-Sum"), err)
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "piece %d\n", i)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/trailer", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Sum", "42")
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "hinted")
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		for {
			line, err := buf.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(c, "echo "+line)
		}
	})
	mux.HandleFunc("/websocket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer c.CloseNow()
		for {
			kind, p, err := c.Read(context.Background())
			if err != nil {
				return
			}
			if c.Write(context.Background(), kind, append([]byte("echo "), p...)) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/abortlate", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "the beginning")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := call(httpd.WorkerOfRequest(r).PID, r.FormValue("by"))
		if err != nil {
			panic(err)
		}
		defer c.Close()
		<-r.Context().Done()
		fmt.Fprintf(c, "over: %v\n", r.Context().Err())
	})
	return mux
}

// fastWebsocket is an echo over a websocket, by a fasthttp handler.
func fastWebsocket(ctx *fasthttp.RequestCtx) {
	upgrader := fastws.FastHTTPUpgrader{}
	_ = upgrader.Upgrade(ctx, func(c *fastws.Conn) { // an error has been answered
		for {
			kind, p, err := c.ReadMessage()
			if err != nil {
				return
			}
			if c.WriteMessage(kind, append([]byte("echo "), p...)) != nil {
				return
			}
		}
	})
}

// TestNetHTTP: a net/http handler finds what net/http promises, on every kind of
// worker.
func TestNetHTTP(t *testing.T) {
	each(t, webKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		get := func(path string) (*http.Response, string, error) {
			t.Helper()
			resp, err := http.Get(s.url + path)
			if err != nil {
				return nil, "", err
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			return resp, string(b), err
		}
		if _, text, err := get("/worker/x"); err != nil || !strings.HasPrefix(text, "x ") || !strings.Contains(text, "true state of ") {
			t.Errorf("worker: %q %v", text, err)
		}
		if _, text, err := get("/stream"); err != nil || text != "piece 0\npiece 1\npiece 2\n" {
			t.Errorf("stream: %q %v", text, err)
		}
		resp, text, err := get("/trailer")
		if err != nil || text != "body" || resp.Trailer.Get("X-Sum") != "42" || resp.Trailer.Get("X-Late") != "yes" {
			t.Errorf("trailer: %q %v %+v", text, err, resp)
		}
		if _, text, err := get("/abort"); err == nil {
			t.Errorf("aborted: %q", text)
		}
		if _, text, err := get("/abortlate"); err == nil {
			t.Errorf("aborted in the middle: %q", text)
		}
		if resp, _, err := get("/none"); err != nil || resp.StatusCode != 404 {
			t.Errorf("none: %v %+v", err, resp)
		}
		c := newClient(t, s.url)
		c.send(t, "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n")
		resp = c.receive(t, "POST")
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "4 7  <nil>" {
			t.Errorf("request's trailer: %q %v", b, err)
		}
		if st, err := s.Status(t.Context()); err != nil || st.Totals.Exits["crash"] != 0 {
			t.Errorf("an aborted answer is no crash: %v %+v", err, st.Totals)
		}
	})
}

// TestEarlyHints: interim responses come before the answer (RFC 9110, section
// 15.2), for HTTP/1.1 only.
func TestEarlyHints(t *testing.T) {
	each(t, webKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h["Link"]))
			return nil
		}}
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", s.url+"/hints", nil)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hinted" || fmt.Sprint(hints) != "[103 [</style.css>; rel=preload]]" {
			t.Errorf("%q %v, interim %v", b, err, hints)
		}
		c := newClient(t, s.url)
		c.send(t, "GET /hints HTTP/1.0\r\n\r\n")
		if resp := c.receive(t, "GET"); resp.StatusCode != 200 {
			t.Errorf("HTTP/1.0 got %d", resp.StatusCode)
		}
	})
}

// TestHijack: a handler takes the connection with what the client has sent already;
// its worker leaves when the connection is closed.
func TestHijack(t *testing.T) {
	each(t, webKinds(), func(t *testing.T, k kind) {
		for _, early := range []string{"early\n", ""} {
			s := start(t, k, pool.Config{MaxServers: 1})
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			r := bufio.NewReader(conn)
			fmt.Fprintf(conn, "GET /hijack HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n%s", early)
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != 101 {
				t.Fatalf("%v %+v", err, resp)
			}
			if early != "" {
				if line, err := r.ReadString('\n'); line != "echo early\n" {
					t.Fatalf("%q %v", line, err)
				}
			}
			retired := make(chan error, 1)
			go func() { retired <- s.Recycle(t.Context(), 0) }()
			for i := range 10 {
				fmt.Fprintf(conn, "line %d\n", i)
				if line, err := r.ReadString('\n'); line != fmt.Sprintf("echo line %d\n", i) {
					t.Fatalf("%q %v", line, err)
				}
			}
			select {
			case err := <-retired:
				t.Fatalf("the worker left before its connection: %v", err)
			default:
			}
			conn.Close()
			if err := <-retired; err != nil && !errors.Is(err, pool.ErrSuperseded) {
				t.Fatal(err)
			}
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestWebsockets: through a net/http library and through fasthttp's.
func TestWebsockets(t *testing.T) {
	scenario := func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c, _, err := websocket.Dial(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		for i := range 100 {
			if err := c.Write(t.Context(), websocket.MessageText, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
			if _, p, err := c.Read(t.Context()); err != nil || string(p) != fmt.Sprint("echo ", i) {
				t.Fatalf("%q %v", p, err)
			}
		}
		if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Log(err) // the handlers do not answer the farewell
		}
	}
	each(t, webKinds(), scenario)
	t.Run("fasthttp", func(t *testing.T) { each(t, handlerKinds(), scenario) })
}

// TestRequestContext: the context of a net/http request ends when the client
// leaves.
func TestRequestContext(t *testing.T) {
	each(t, webKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		d := conduct(t)
		c := newClient(t, s.url)
		c.send(t, "GET /wait"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
		p := d.next()
		c.close()
		if line := p.line(); line != "over: context canceled" {
			t.Errorf("%q", line)
		}
	})
}
