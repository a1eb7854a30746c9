package fcgi

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// connect gives the two ends of a UNIX stream connection, closed at the end of
// the test.
func connect(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		c.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.UnixConn), s.(*net.UnixConn)
}

// plain hides what a connection is, so that no descriptor is used.
type plain struct{ net.Conn }

// scripted is a connection whose input is given and whose output is kept.
type scripted struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *scripted) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *scripted) Write(p []byte) (int, error) { return c.out.Write(p) }

func (c *scripted) SetReadDeadline(time.Time) error  { return nil }
func (c *scripted) SetWriteDeadline(time.Time) error { return nil }

func script(in ...[]byte) *scripted {
	return &scripted{in: bytes.NewReader(bytes.Join(in, nil))}
}

// collected is a Sink that keeps everything, or refuses.
type collected struct {
	stdout, stderr bytes.Buffer
	refuse         error
	onStdout       func()
}

func (c *collected) Stdout(p []byte) error {
	c.stdout.Write(p)
	if c.onStdout != nil {
		c.onStdout()
	}
	return c.refuse
}

func (c *collected) Stderr(p []byte) { c.stderr.Write(p) }

// split gives the octets of b in reads of random lengths.
type split struct {
	b   []byte
	rnd *rand.Rand
	max int
}

func (s *split) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := min(1+s.rnd.IntN(s.max), len(p), len(s.b))
	copy(p, s.b[:n])
	s.b = s.b[n:]
	return n, nil
}

// record is a whole record, put together from fragments.
type record struct {
	typ  Type
	id   uint16
	data string
}

// records reads to the end.
func records(r *Reader) ([]record, error) {
	var all []record
	for {
		f, err := r.Next()
		if err != nil {
			return all, err
		}
		if f.First {
			all = append(all, record{f.Type, f.ID, ""})
		}
		last := &all[len(all)-1]
		last.data += string(f.Data)
	}
}

// parsed gives the records of b, which must be whole.
func parsed(t testing.TB, b []byte) []record {
	t.Helper()
	all, err := records(NewReader(bytes.NewReader(b)))
	if err != io.EOF {
		t.Fatalf("records of %q: %v", b, err)
	}
	return all
}

// pattern gives n octets that show when they are moved.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// pairs encodes names and values in turn.
func pairs(nv ...string) []byte {
	var b []byte
	for i := 0; i < len(nv); i += 2 {
		b = AppendParam(b, nv[i], nv[i+1])
	}
	return b
}

// request encodes a responder's request.
func request(id uint16, flags uint8, stdin string, nv ...string) []byte {
	b := AppendBegin(nil, id, RoleResponder, flags)
	b = AppendStreamEnd(AppendStream(b, TypeParams, id, pairs(nv...)), TypeParams, id)
	return AppendStreamEnd(AppendStream(b, TypeStdin, id, []byte(stdin)), TypeStdin, id)
}
