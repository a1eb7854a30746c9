package nethttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestHijackBegunAnswer: what was begun before is sent, and what the handler adds
// comes after it.
func TestHijackBegunAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(http.ResponseWriter)
		more  string // the handler's
		body  string
	}{
		"nothing": {func(http.ResponseWriter) {}, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x"},
		"head":    {func(w http.ResponseWriter) { w.WriteHeader(200) }, "rest", "rest"},
		"body":    {func(w http.ResponseWriter) { io.WriteString(w, "some ") }, "rest", "some rest"},
		"length": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "some ")
		}, "rest", "some rest"},
		"stream": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "some ")
			w.(http.Flusher).Flush()
		}, "rest", "some rest"},
	} {
		f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.begin(w)
			conn, rw, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString(c.more)
			_ = rw.Flush()
		})}
		if a := ask(t, f.start(t), get("/")); a.cut || a.body != c.body || a.status != 200 {
			t.Errorf("%s: %q", name, show(a))
		}
	}
}

// TestHijackRefused: a front that cannot give its connection away still gets the
// answer.
func TestHijackRefused(t *testing.T) {
	ctx := parsed(t, simple)
	err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
		io.WriteString(w, "instead")
	}), ctx, &idle{})
	if err != nil || string(ctx.Response.Body()) != "instead" {
		t.Error(err, string(ctx.Response.Body()))
	}
}

// TestStartFails: the handler and the front are told.
func TestStartFails(t *testing.T) {
	ctx := parsed(t, simple)
	err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
				t.Error(err)
			}
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
		if _, err := io.Copy(w, strings.NewReader("x")); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
	}), ctx, &idle{})
	if !errors.Is(err, http.ErrNotSupported) {
		t.Error(err)
	}
}

// TestClientLeavesInAnswer: writes fail, and Serve says that the answer was not
// ended.
func TestClientLeavesInAnswer(t *testing.T) {
	failed := make(chan error, 1)
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 100000)); err != nil {
				failed <- err
				return
			}
		}
	})}
	addr := f.start(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, get("/"))
	bufio.NewReader(c).Peek(1)
	c.Close()
	<-failed
}

// TestFraming: heads that a front should have refused are not guessed at.
func TestFraming(t *testing.T) {
	for _, c := range []struct {
		fields http.Header
		want   string
	}{
		{http.Header{"Content-Length": {"5"}}, "5 false"},
		{http.Header{"Content-Length": {"5", "5"}}, "5 false"},
		{http.Header{"Transfer-Encoding": {"Chunked"}, "Content-Length": {"5"}}, "-1 true"},
		{http.Header{"Content-Length": {"5", "6"}}, "error"},
		{http.Header{"Content-Length": {"0", "1"}}, "error"},
		{http.Header{"Content-Length": {"5, 5"}}, "error"},
		{http.Header{"Content-Length": {"+5"}}, "error"},
		{http.Header{"Content-Length": {""}}, "error"},
		{http.Header{"Content-Length": {"9223372036854775808"}}, "error"},
		{http.Header{"Transfer-Encoding": {"identity"}}, "error"},
		{http.Header{"Transfer-Encoding": {"chunked", "chunked"}}, "error"},
		{http.Header{"Transfer-Encoding": {"gzip, chunked"}}, "error"},
		{http.Header{"Transfer-Encoding": {"chunked"}, "Trailer": {"Content-Length"}}, "error"},
	} {
		h := head{major: 1, minor: 1, fields: c.fields}
		got := "error"
		if err := h.frame(); err == nil {
			got = fmt.Sprint(h.length, h.chunked)
		} else if !errors.Is(err, errHead) {
			t.Error(err)
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.fields, got, c.want)
		}
	}
}
