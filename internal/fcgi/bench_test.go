package fcgi

import (
	"fmt"
	"net"
	"testing"
)

// counted is a Sink that only counts.
type counted struct{ stdout, stderr int }

func (c *counted) Stdout(p []byte) error { c.stdout += len(p); return nil }
func (c *counted) Stderr(p []byte)       { c.stderr += len(p) }

// small begins a GET as a web server sends it.
func small(cl *Client) {
	cl.Begin(RoleResponder, true)
	cl.Param("GATEWAY_INTERFACE", "CGI/1.1")
	cl.Param("SERVER_PROTOCOL", "HTTP/1.1")
	cl.Param("REQUEST_METHOD", "GET")
	cl.Param("REQUEST_URI", "/some/path?with=query")
	cl.Param("SCRIPT_FILENAME", "/srv/www/some/path/index.php")
	cl.Param("QUERY_STRING", "with=query")
	cl.Param("REMOTE_ADDR", "192.0.2.1")
	cl.Param("SERVER_PORT", "80")
	cl.Param("HTTP_HOST", "www.example.org")
	cl.Param("HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	cl.Param("HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8")
}

var page = []byte("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n")

// answerAll answers every request with a small page and the body it had.
func answerAll(conn net.Conn) error {
	s := NewServerConn(conn, ServerConfig{MaxBody: -1})
	for {
		req, err := s.Next()
		if err != nil {
			return err
		}
		if string(req.Params.Get("REQUEST_METHOD")) == "GET" {
			s.Stdout(page)
		}
		s.Stdout(req.Stdin)
		if err := s.End(0); err != nil {
			return err
		}
	}
}

// BenchmarkExchange is one exchange over a UNIX socket, both sides and the
// two wake-ups between them.
func BenchmarkExchange(b *testing.B) {
	for _, size := range []int{0, 4 << 10, 60 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("body=%d", size), func(b *testing.B) {
			web, app := connect(b)
			done := make(chan error, 1)
			go func() { done <- answerAll(app) }()
			cl := NewClient(web)
			body := pattern(size)
			sink := new(counted)
			b.ReportAllocs()
			b.SetBytes(int64(2 * size))
			for b.Loop() {
				small(cl)
				cl.Body(body)
				if _, err := cl.Do(sink); err != nil {
					b.Fatal(err)
				}
			}
			web.Close()
			<-done
		})
	}
}

// BenchmarkEchoSocket is the floor under BenchmarkExchange: as many octets
// there and back without any format.
func BenchmarkEchoSocket(b *testing.B) {
	web, app := connect(b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p := make([]byte, 4096)
		for {
			if _, err := app.Read(p); err != nil {
				return
			}
			if _, err := app.Write(p[:100]); err != nil {
				return
			}
		}
	}()
	p := make([]byte, 4096)
	for b.Loop() {
		if _, err := web.Write(p[:600]); err != nil {
			b.Fatal(err)
		}
		if _, err := web.Read(p); err != nil {
			b.Fatal(err)
		}
	}
	web.Close()
	<-done
}

// BenchmarkServerFormat is a request and its answer without any socket.
func BenchmarkServerFormat(b *testing.B) {
	conn := &scripted{}
	cl := NewClient(conn)
	small(cl)
	conn.in = readFunc(func([]byte) (int, error) { return 0, net.ErrClosed })
	cl.Do(nil)
	wire := append([]byte(nil), conn.out.Bytes()...)
	wire[flagsOffset] |= FlagKeepConn
	loop := &repeated{wire: wire}
	s := NewServerConn(loop, ServerConfig{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
		s.Stdout(page)
		if err := s.End(0); err != nil {
			b.Fatal(err)
		}
	}
}

// repeated gives one request for every Read.
type repeated struct {
	scripted
	wire []byte
}

func (r *repeated) Read(p []byte) (int, error)  { return copy(p, r.wire), nil }
func (r *repeated) Write(p []byte) (int, error) { return len(p), nil }
