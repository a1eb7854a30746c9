package nethttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// wrapped is a ResponseWriter as middleware makes them.
type wrapped struct {
	http.ResponseWriter
	status int
}

func (w *wrapped) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type zipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (w zipped) Write(p []byte) (int, error) { return w.z.Write(p) }
func (w zipped) Flush() {
	w.z.Flush()
	w.ResponseWriter.(http.Flusher).Flush()
}

// libraryCases are about what others have built on net/http.
func libraryCases(t *testing.T) []same {
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.Header().Set("X-Up", "1")
		switch r.URL.Path {
		case "/hints":
			w.Header().Set("Link", "</a>")
			w.WriteHeader(103)
		case "/trailer":
			w.Header().Set("Trailer", "X-T")
			defer w.Header().Set("X-T", "t")
		case "/abort":
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		for i := range 3 {
			fmt.Fprintf(w, "piece %d %s\n", i, r.Header.Get("X-Forwarded-Host"))
			w.(http.Flusher).Flush()
		}
		io.Copy(w, r.Body)
	}))
	upstream.Config.ErrorLog = log.New(io.Discard, "", 0)
	upstream.Start()
	t.Cleanup(upstream.Close)
	to, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
		},
		FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
	logged := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ww := &wrapped{ResponseWriter: w}
			h.ServeHTTP(ww, r.WithContext(context.WithValue(r.Context(), wrapped{}, 1)))
			slog.New(slog.NewTextHandler(io.Discard, nil)).InfoContext(r.Context(), "request", "status", ww.status)
		})
	}
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprint(err, tooLarge.Limit), http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprint(w, len(b), err)
	})
	return []same{
		{name: "redirects", handler: http.RedirectHandler("/else?x=ü", http.StatusFound), ask: []string{get("/a/b"), post("/", "x"), request("HEAD", "/", "")}},
		{name: "not found", handler: http.NotFoundHandler(), ask: []string{get("/"), request("HEAD", "/", "")}},
		{name: "reverse proxy", handler: proxy, ask: []string{
			get("/"), request("HEAD", "/", ""), post("/", "body"), get("/hints"), get("/trailer"), get("/abort"),
			request("POST", "/", "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
		}},
		{name: "wrapped", handler: logged(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			for _, err := range []error{rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}), rc.EnableFullDuplex()} {
				if err != nil {
					panic(err)
				}
			}
			w.WriteHeader(201)
			fmt.Fprint(w, r.Context().Value(wrapped{}), rc.Flush())
		})), ask: []string{get("/")}},
		do("gzip", func(w http.ResponseWriter, r *http.Request) {
			z := gzip.NewWriter(w)
			defer z.Close()
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Vary", "Accept-Encoding")
			ww := zipped{w, z}
			for range 1000 {
				io.WriteString(ww, "some text\n")
			}
			if r.URL.Path == "/flush" {
				ww.Flush()
			}
		}, get("/"), get("/flush")),
		{name: "timeout in time", handler: http.TimeoutHandler(http.HandlerFunc(dump), time.Hour, "late"), ask: []string{get("/"), post("/", "x")}},
		{name: "timeout", handler: http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			<-stuck
		}), time.Millisecond, "late"), ask: []string{get("/")}},
		// net/http's ResponseWriter hears of the limit and closes; this one throws
		// away what is left.
		{name: "max bytes", handler: http.MaxBytesHandler(limited, 10), lax: []string{"Connection"}, ask: []string{
			post("/", "0123456789"), post("/", "0123456789a"), post("/", strings.Repeat("x", 1000)),
			request("POST", "/", "b\r\n0123456789a\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
		}},
		do("events", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Cache-Control", "no-store")
			for i := range 3 {
				fmt.Fprintf(w, "data: %d\n\n", i)
				w.(http.Flusher).Flush()
			}
		}),
		do("content", func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.json", time.Unix(1e9, 0), bytes.NewReader(bytes.Repeat([]byte("{}"), 50000)))
		}, get("/"), get("/", "Range: bytes=5-70000"), get("/", "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT"), request("HEAD", "/", ""),
			get("/", "If-Range: \"x\"", "Range: bytes=1-2")),
		do("hijack", func(w http.ResponseWriter, r *http.Request) {
			c, rw, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			defer c.Close()
			if _, err := w.Write([]byte("x")); err != http.ErrHijacked {
				panic(err)
			}
			line, err := rw.ReadString('\n')
			fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%q %v", line, err)
			rw.Flush()
		}, get("/")+"more\n"),
		do("hijack after 101", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Upgrade", "echo")
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(101)
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			c.Close()
		}, get("/", "Connection: Upgrade", "Upgrade: echo")),
	}
}
