package fcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	nethttpfcgi "net/http/fcgi"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// serve runs handle for each request on conn and gives a channel that tells
// how Next ended.
func serve(t *testing.T, conn net.Conn, cfg ServerConfig, handle func(*ServerConn, *Request)) chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		s := NewServerConn(conn, cfg)
		for {
			req, err := s.Next()
			if req == nil {
				conn.Close()
				ended <- err
				return
			}
			handle(s, req)
		}
	}()
	return ended
}

// TestExchanges carries bodies of many sizes, given in every way, both ways,
// over one connection.
func TestExchanges(t *testing.T) {
	sizes := []int{0, 1, 100, 8191, 16 << 10, 65535, 65536, 70000, 1 << 20, 10 << 20}
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"descriptor": func(c net.Conn) net.Conn { return c },
		"plain":      func(c net.Conn) net.Conn { return plain{c} },
	} {
		t.Run(name, func(t *testing.T) {
			web, app := connect(t)
			ended := serve(t, wrap(app), ServerConfig{MaxBody: -1}, func(s *ServerConn, req *Request) {
				s.Stderr(req.Params.Get("NAME"))
				s.Stdout(req.Stdin)
				s.End(uint32(len(req.Stdin)))
			})
			cl := NewClient(wrap(web))
			for _, n := range sizes {
				body := pattern(n)
				for way, set := range map[string]func(){
					"octets":  func() { cl.Body(body) },
					"known":   func() { cl.BodyReader(bytes.NewReader(body), int64(n), nil) },
					"unknown": func() { cl.BodyReader(iotest.DataErrReader(bytes.NewReader(body)), -1, nil) },
					"longer":  func() { cl.BodyReader(io.MultiReader(bytes.NewReader(body), strings.NewReader("more")), int64(n), nil) },
				} {
					var sink collected
					cl.Begin(RoleResponder, true)
					cl.Param("NAME", way)
					set()
					end, err := cl.Do(&sink)
					if err != nil || int(end.AppStatus) != n || !bytes.Equal(sink.stdout.Bytes(), body) || sink.stderr.String() != way {
						t.Fatalf("%s %d: %+v, %v, %d octets", way, n, end, err, sink.stdout.Len())
					}
					if cl.MustClose() {
						// The end of a stream of unknown length may come after the answer.
						t.Fatalf("%s %d: must close", way, n)
					}
				}
			}
			web.Close()
			if err := <-ended; err != io.EOF {
				t.Error(err)
			}
		})
	}
}

// TestAnswerBeforeReading: a program writes 10 MiB before it reads a body of
// 10 MiB. If the sides waited for each other the test would not end.
func TestAnswerBeforeReading(t *testing.T) {
	const size = 10 << 20
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"descriptor": func(c net.Conn) net.Conn { return c },
		"plain":      func(c net.Conn) net.Conn { return plain{c} },
	} {
		for _, n := range []int{20000, 60000, size} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				web, app := connect(t)
				web.SetWriteBuffer(4096)
				go func() {
					// More than both sockets hold, before the first octet is read.
					app.Write(AppendStream(nil, TypeStdout, 1, pattern(size)))
					r := NewReader(app)
					for {
						f, err := r.Next()
						if err != nil {
							return
						}
						if f.Type == TypeStdin && f.EndOfStream() {
							break
						}
					}
					app.Write(AppendEnd(nil, 1, EndRequest{}))
				}()
				cl := NewClient(wrap(web))
				cl.Begin(RoleResponder, true)
				cl.Body(pattern(n))
				var sink collected
				if _, err := cl.Do(&sink); err != nil || sink.stdout.Len() != size || cl.MustClose() {
					t.Errorf("%v, %d octets, must close %v", err, sink.stdout.Len(), cl.MustClose())
				}
			})
		}
	}
}

// TestAnswerWithoutReading: a program refuses a large body and keeps or closes
// the connection.
func TestAnswerWithoutReading(t *testing.T) {
	for _, way := range []string{"octets", "reader", "stuck reader"} {
		web, app := connect(t)
		ended := serve(t, app, ServerConfig{MaxBody: 1000}, func(s *ServerConn, req *Request) {
			s.Stdout([]byte("Status: 413\r\n\r\n"))
			s.End(0)
		})
		cl := NewClient(web)
		cl.Begin(RoleResponder, true)
		pr, pw := io.Pipe()
		switch way {
		case "octets":
			cl.Body(pattern(10 << 20))
		case "reader":
			cl.BodyReader(bytes.NewReader(pattern(10<<20)), 10<<20, nil)
		default:
			cl.BodyReader(io.MultiReader(bytes.NewReader(pattern(100000)), pr), -1, func() { pw.Close() })
		}
		var sink collected
		if _, err := cl.Do(&sink); err != nil || sink.stdout.String() != "Status: 413\r\n\r\n" {
			t.Errorf("%s: %v, %q", way, err, &sink.stdout)
		}
		web.Close()
		<-ended
	}
	// Close at once: the answer is read although writing fails.
	web, app := connect(t)
	go func() {
		app.Write(join(AppendStream(nil, TypeStdout, 1, []byte("x")), AppendEnd(nil, 1, EndRequest{})))
		app.Close()
	}()
	cl := NewClient(web)
	cl.Begin(RoleResponder, false)
	cl.Body(pattern(10 << 20))
	var sink collected
	if _, err := cl.Do(&sink); err != nil || sink.stdout.String() != "x" || !cl.MustClose() {
		t.Errorf("%v, %q", err, &sink.stdout)
	}
}

// TestManyExchanges mixes sizes on both sides, over a connection that is used
// again and again.
func TestManyExchanges(t *testing.T) {
	web, app := connect(t)
	rnd := rand.New(rand.NewPCG(9, 10))
	serve(t, app, ServerConfig{}, func(s *ServerConn, req *Request) {
		for name, value := range req.Params.All() {
			s.Stdout(name)
			s.Stdout([]byte("="))
			s.Stdout(value)
		}
		s.Stdout(req.Stdin)
		s.End(0)
	})
	cl := NewClient(web)
	for range 300 {
		cl.Begin(RoleResponder, true)
		var want bytes.Buffer
		for i := range rnd.IntN(40) {
			value := string(pattern(rnd.IntN(300)))
			cl.Param(fmt.Sprint(i), value)
			fmt.Fprintf(&want, "%d=%s", i, value)
		}
		body := pattern(rnd.IntN(1 << (1 + rnd.IntN(17))))
		want.Write(body)
		cl.Body(body)
		var sink collected
		if _, err := cl.Do(&sink); err != nil || !bytes.Equal(sink.stdout.Bytes(), want.Bytes()) || !cl.Alive() {
			t.Fatalf("%v, %d octets, want %d", err, sink.stdout.Len(), want.Len())
		}
	}
}

func TestAbort(t *testing.T) {
	web, app := connect(t)
	var causes []error
	ended := serve(t, app, ServerConfig{}, func(s *ServerConn, req *Request) {
		gone := make(chan error, 1)
		if req.Params.Get("WAIT") != nil {
			s.Watch(func(cause error) { gone <- cause })
			s.Stdout([]byte("going"))
			s.Flush()
			causes = append(causes, <-gone)
		}
		s.End(7)
	})
	cl := NewClient(web)
	if err := cl.Abort(); err != ErrNotBegun {
		t.Errorf("without an exchange: %v", err)
	}
	for range 3 {
		cl.Begin(RoleResponder, true)
		cl.Param("WAIT", "")
		sink := collected{onStdout: func() {
			done := make(chan error)
			go func() { done <- errors.Join(cl.Abort(), cl.Abort()) }()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}}
		if end, err := cl.Do(&sink); err != nil || end.AppStatus != 7 || cl.MustClose() {
			t.Fatalf("%+v, %v", end, err)
		}
		cl.Begin(RoleResponder, true)
		if end, err := cl.Do(&collected{}); err != nil || end.AppStatus != 7 {
			t.Fatalf("after an abort: %+v, %v", end, err)
		}
	}
	web.Close()
	<-ended
	if fmt.Sprint(causes) != fmt.Sprint([]error{ErrAborted, ErrAborted, ErrAborted}) {
		t.Errorf("causes %v", causes)
	}
}

// TestAbortOfAnUpload: the body is cut at a record and the abort follows it.
func TestAbortOfAnUpload(t *testing.T) {
	web, app := connect(t)
	ended := serve(t, app, ServerConfig{MaxBody: -1}, func(*ServerConn, *Request) { t.Error("a request that was aborted is served") })
	cl := NewClient(web)
	cl.Begin(RoleResponder, true)
	reads := 0
	cl.BodyReader(readFunc(func(p []byte) (int, error) {
		if reads++; reads == 5 {
			if err := cl.Abort(); err != nil {
				t.Error(err)
			}
		}
		return len(p), nil
	}), -1, nil)
	if end, err := cl.Do(&collected{}); err != nil || end != (EndRequest{}) || !cl.MustClose() {
		t.Errorf("%+v, %v, must close %v", end, err, cl.MustClose())
	}
	web.Close()
	if err := <-ended; err != io.EOF {
		t.Error(err)
	}
}

func TestSinkPanics(t *testing.T) {
	web, app := connect(t)
	go app.Write(AppendStream(nil, TypeStdout, 1, []byte("x")))
	cl := NewClient(web)
	cl.Begin(RoleResponder, true)
	cl.Body(pattern(10 << 20))
	defer func() {
		if recover() == nil || !cl.MustClose() || cl.upload.started {
			t.Error("the exchange is not cleaned up")
		}
	}()
	cl.Do(&collected{onStdout: func() { panic("sink") }})
}

// TestNetHTTP uses Go's own responder as the program.
func TestNetHTTP(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- nethttpfcgi.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Method", r.Method)
			body, _ := io.ReadAll(r.Body)
			w.Write(body)
		}))
	}()
	t.Cleanup(func() { ln.Close(); <-served })
	conn, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	cl := NewClient(conn)
	for i, n := range []int{0, 5, 70000, 3 << 20, 1} {
		cl.Begin(RoleResponder, i < 4)
		cl.Param("REQUEST_METHOD", "POST")
		cl.Param("REQUEST_URI", "/x")
		cl.Param("SERVER_PROTOCOL", "HTTP/1.1")
		cl.Param("CONTENT_LENGTH", fmt.Sprint(n))
		cl.Body(pattern(n))
		var sink collected
		end, err := cl.Do(&sink)
		head, body, _ := bytes.Cut(sink.stdout.Bytes(), []byte("\r\n\r\n"))
		if err != nil || end != (EndRequest{}) || !bytes.Contains(head, []byte("X-Method: POST")) || !bytes.Equal(body, pattern(n)) {
			t.Fatalf("%d: %+v, %v, %d octets", n, end, err, len(body))
		}
		if cl.MustClose() != (i == 4) {
			t.Errorf("%d: must close %v", n, cl.MustClose())
		}
	}
}
