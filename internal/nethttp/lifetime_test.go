package nethttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestAfterReturn: what a handler keeps lets go of the front, and says so.
func TestAfterReturn(t *testing.T) {
	var kept *http.Request
	var w http.ResponseWriter
	f := &front{handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		kept, w = r, rw
		io.WriteString(rw, "x")
	})}
	addr := f.start(t)
	ask(t, addr, post("/kept?a=1", "body", "X-Kept: yes"))
	if n, err := kept.Body.Read(make([]byte, 1)); n != 0 || err != http.ErrBodyReadAfterClose {
		t.Error(n, err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	if _, err := io.WriteString(w, "x"); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	w.WriteHeader(500)
	rc := http.NewResponseController(w)
	for _, err := range []error{rc.Flush(), rc.SetReadDeadline(time.Now()), rc.SetWriteDeadline(time.Now()), rc.EnableFullDuplex()} {
		if !errors.Is(err, ErrOver) {
			t.Error(err)
		}
	}
	if _, _, err := rc.Hijack(); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	if err := kept.Context().Err(); err != context.Canceled {
		t.Error(err)
	}
	select {
	case <-kept.Context().Done():
	default:
		t.Error("the context has not ended")
	}
	first := kept
	ask(t, addr, get("/other", "X-Other: yes"))
	if first.URL.Path != "/kept" || first.Header.Get("X-Kept") != "yes" || first.URL.RawQuery != "a=1" || first == kept {
		t.Error(first)
	}
}

// TestContextEndsWithClient: the front is asked to look out once, and only on
// demand.
func TestContextEndsWithClient(t *testing.T) {
	begun, over := make(chan bool), make(chan error, 1)
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		derived, cancel := context.WithCancel(context.WithValue(r.Context(), begun, 1))
		defer cancel()
		if v := derived.Value(baseKey{}); v != "base" {
			t.Error(v)
		}
		if _, ok := derived.Deadline(); ok {
			t.Error("there is a deadline")
		}
		w.(http.Flusher).Flush()
		close(begun)
		<-derived.Done()
		over <- r.Context().Err()
	})}
	c, err := net.Dial("tcp", f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, get("/"))
	<-begun
	c.Close()
	if err := <-over; err != context.Canceled {
		t.Error(err)
	}
}

// TestKeptConnection: requests follow each other, whatever the handlers leave.
func TestKeptConnection(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("read") {
			io.CopyN(io.Discard, r.Body, 10)
		}
		if r.URL.Query().Has("close") {
			r.Body.Close()
		}
		if r.URL.Query().Has("date") {
			w.Header().Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
		}
		io.WriteString(w, r.URL.Path)
		if r.URL.Query().Has("flush") {
			w.(http.Flusher).Flush()
		}
	})
	var asks []string
	for _, q := range []string{"", "?flush", "?read", "?close", "?read&close&flush", "?date", "?"} {
		asks = append(asks, get("/get"+q),
			post("/post"+q, strings.Repeat("x", 100000)),
			request("POST", "/chunks"+q, "14\r\n01234567890123456789\r\n0\r\nX-A: 1\r\n\r\n", "Transfer-Encoding: chunked"))
	}
	for name, variant := range variants {
		f := variant(h)
		c, err := net.Dial("tcp", f.start(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go io.WriteString(c, strings.Join(asks, ""))
		br := bufio.NewReader(c)
		for i, raw := range asks {
			a := readAnswer(t, br, "GET")
			want := strings.Fields(raw)[1]
			want, query, _ := strings.Cut(want, "?")
			if a.status != 200 || a.body != want || a.cut {
				t.Fatalf("%s: answer %d to %s: %q", name, i, firstLine(raw), show(a))
			}
			if date := a.fields.Get("Date"); (date == "Mon, 02 Jan 2006 15:04:05 GMT") != (query == "date") || date == "" {
				t.Errorf("%s: %s: Date %q", name, firstLine(raw), date)
			}
		}
	}
}

// TestUnreadBody: more than 256 KiB left, or a client that waits to be asked, end
// the connection, and say so.
func TestUnreadBody(t *testing.T) {
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "no") })}
	addr := f.start(t)
	for raw, closes := range map[string]bool{
		post("/", strings.Repeat("x", drainSize)):                                                         false,
		request("POST", "/", "", "Content-Length: 1000000"):                                               true,
		request("POST", "/", "", "Content-Length: 5", "Expect: 100-continue"):                             true,
		request("POST", "/", "80000\r\n"+strings.Repeat("x", 1<<19)+"\r\n", "Transfer-Encoding: chunked"): true,
	} {
		if a := ask(t, addr, raw); a.body != "no" || (a.fields.Get("Connection") == "close") != closes || len(a.interim) > 0 {
			t.Errorf("%.80q: %q", raw, show(a))
		}
	}
}

// TestClientLeavesInBody: the handler is told.
func TestClientLeavesInBody(t *testing.T) {
	got := make(chan error, 1)
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		got <- err
	})}
	c, err := net.Dial("tcp", f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, request("POST", "/", "abc", "Content-Length: 5"))
	c.Close()
	if err := <-got; err == nil {
		t.Error("no error")
	}
}

// TestOutcomes: what the front is told of handlers that fail.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string // begins the outcome
		misuse  string // is part of it
	}{
		{"short", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "2")
			io.WriteString(w, "x")
		}, ErrShort.Error(), ""},
		{"panic", func(w http.ResponseWriter, r *http.Request) { panic("now") }, "panic: now", ""},
		{"abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "panic: net/http: abort Handler", ""},
		{"panic in a stream", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			panic("now")
		}, "panic: now", ""},
		{"status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(99) }, "panic: invalid WriteHeader code 99", ""},
		{"superfluous", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.WriteHeader(200)
		}, "", "superfluous WriteHeader from github.com/bident/bident/internal/nethttp.TestOutcomes"},
		{"length", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "-5")
			io.WriteString(w, "x")
		}, "", `invalid Content-Length "-5"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &front{handler: c.handler}
			addr := f.start(t)
			a := ask(t, addr, get("/"))
			f.mu.Lock()
			defer f.mu.Unlock()
			if got := fmt.Sprint(f.outcome); c.want == "" && len(f.outcome) > 0 || !strings.HasPrefix(got, "["+c.want) {
				t.Error(got)
			}
			if a.cut != (c.want != "") {
				t.Errorf("%q", show(a))
			}
			if !slices.ContainsFunc(append(f.misuses, c.misuse), func(m string) bool { return strings.Contains(m, c.misuse) }) ||
				c.misuse != "" && len(f.misuses) != 1 {
				t.Error(f.misuses)
			}
		})
	}
}

// TestRefused: targets that are no URL.
func TestRefused(t *testing.T) {
	f := &front{handler: http.HandlerFunc(dump)}
	addr := f.start(t)
	for _, target := range []string{"/%zz", "/a%", "http://[::1/", "http://a b/"} {
		if a := ask(t, addr, get(target)); !a.cut && (a.status != 400 || a.fields.Get("Connection") != "close") {
			t.Errorf("%s: %q", target, show(a))
		}
	}
}

// TestFileGoesThrough: a Stream that takes files gets them.
func TestFileGoesThrough(t *testing.T) {
	f := &front{readFrom: true, handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "200000")
		n, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 200000)))
		if n != 200000 || err != nil {
			t.Error(n, err)
		}
		if _, err := io.Copy(w, strings.NewReader("y")); err != http.ErrContentLength {
			t.Error(err)
		}
		n, err = w.(io.ReaderFrom).ReadFrom(strings.NewReader(""))
		if n != 0 || err != nil {
			t.Error(n, err)
		}
	})}
	a := ask(t, f.start(t), get("/"))
	if a.cut || len(a.body) != 200000 {
		t.Error(a.cut, len(a.body))
	}
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "200000")
		n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader(strings.Repeat("x", 200001)))
		if n != 200000 || err != http.ErrContentLength {
			t.Error(n, err)
		}
	})
	a = ask(t, f.start(t), get("/"))
	if a.cut || len(a.body) != 200000 || f.files == 0 {
		t.Error(a.cut, len(a.body), f.files)
	}
}

// TestWebsocket: a library that writes the 101 by WriteHeader, then hijacks.
func TestWebsocket(t *testing.T) {
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		for {
			kind, p, err := c.Read(context.Background())
			if err != nil {
				return
			}
			if err := c.Write(context.Background(), kind, p); err != nil {
				return
			}
		}
	})}
	c, resp, err := websocket.Dial(t.Context(), "ws://"+f.start(t), nil)
	if err != nil {
		t.Fatal(err, resp)
	}
	defer c.CloseNow()
	for _, message := range []string{"a", strings.Repeat("b", 30000)} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, p, err := c.Read(t.Context()); err != nil || string(p) != message {
			t.Fatal(len(p), err)
		}
	}
}

// TestHijackWithOctets: what was read and not used is buffered, as libraries that
// ask Buffered expect.
func TestHijackWithOctets(t *testing.T) {
	f := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		n := rw.Reader.Buffered()
		more := make([]byte, 9)
		_, err = io.ReadFull(rw, more)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%d %s %v", n, more, err)
		if _, _, err := w.(http.Hijacker).Hijack(); err != http.ErrHijacked {
			t.Error(err)
		}
		w.WriteHeader(200)
	})}
	c, err := net.Dial("tcp", f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, get("/")+"first")
	io.WriteString(c, "next")
	if a := readAnswer(t, bufio.NewReader(c), "GET"); a.body != "5 firstnext <nil>" && a.body != "9 firstnext <nil>" {
		t.Errorf("%q", show(a))
	}
}
