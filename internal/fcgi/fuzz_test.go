package fcgi

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// cutAnywhere gives the octets in reads that depend on seed.
func cutAnywhere(b []byte, seed uint64) io.Reader {
	return &split{b, rand.New(rand.NewPCG(seed, 1)), 1 + int(seed%300)}
}

// typed tells whether err is one of those that octets may lead to.
func typed(err error) bool {
	return err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrProtocol) || errors.Is(err, ErrLimit)
}

var seeds = [][]byte{
	request(1, 1, "body", "A", "b", "LONG", strings.Repeat("x", 200)),
	join(request(1, 1, ""), request(2, 0, "x")),
	join(AppendBegin(nil, 1, RoleResponder, 1), AppendBegin(nil, 2, RoleFilter, 0), AppendAbort(nil, 1), AppendAbort(nil, 2)),
	AppendGetValues(nil, MaxConns, MaxReqs, MpxsConns, "X"),
	AppendRecord(nil, 99, 0, []byte("abc")),
	AppendPadded(nil, TypeStdout, 1, []byte("out"), 200),
	join(AppendStream(nil, TypeStdout, 1, []byte("x")), AppendStream(nil, TypeStderr, 1, []byte("y")), AppendStreamEnd(nil, TypeStdout, 1), AppendEnd(nil, 1, EndRequest{})),
	AppendRecord(nil, TypeParams, 1, []byte("\x80\x00\x00\x01\xff\xff\xff\xffA")),
	{1, 1, 0, 1, 0, 9, 0, 0, 0},
	{1, 4, 0, 1, 0xff, 0xff, 0xff, 0xff},
	{2, 0, 0, 0, 0, 0, 0, 0},
	[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
}

// FuzzReader: any octets cut anywhere give the same records and the same
// error, and never more than one buffer.
func FuzzReader(f *testing.F) {
	for i, seed := range seeds {
		f.Add(seed, uint64(i*7))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		whole, err1 := records(NewReader(bytes.NewReader(b)))
		r := NewReader(cutAnywhere(b, seed))
		pieces, err2 := records(r)
		if !typed(err1) || err1 == nil || !errors.Is(err2, err1) {
			t.Fatalf("errors %v and %v", err1, err2)
		}
		// A record that is cut shows as far as it came, or not at all if its
		// header came alone or it must come whole.
		if len(whole) != len(pieces) {
			t.Fatalf("%d and %d records", len(whole), len(pieces))
		}
		for i := range whole {
			if whole[i] != pieces[i] {
				t.Fatalf("record %d: %v and %v", i, whole[i], pieces[i])
			}
		}
		if err1 == io.EOF && (!r.AtBoundary() || len(r.Buffered()) > 0) {
			t.Fatal("EOF not on a boundary")
		}
	})
}

// FuzzParams: any octets cut anywhere give the same pairs, which encode to
// pairs that decode to the same, within the limits.
func FuzzParams(f *testing.F) {
	for i, seed := range [][]byte{
		pairs("A", "b", "", "", "C", strings.Repeat("x", 300)), {0x80, 0, 0, 1, 1, 'A', 'b'}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{1}, {0x80, 0}, {3, 0, 'A'}, bytes.Repeat([]byte{0, 0}, 60),
	} {
		f.Add(seed, uint64(i*11))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		limits := Params{MaxBytes: 1000, MaxCount: 50}
		whole, pieces := limits, limits
		_, err1 := whole.Write(b)
		if err1 == nil {
			err1 = whole.Finish()
		}
		_, err2 := io.Copy(struct{ io.Writer }{&pieces}, cutAnywhere(b, seed))
		if err2 == nil {
			err2 = pieces.Finish()
		}
		if err1 != err2 || !typed(err1) {
			t.Fatalf("errors %v and %v", err1, err2)
		}
		if whole.Len() != pieces.Len() || whole.Len() > 50 || whole.Size() > 1000 || cap(whole.data) > 4096 {
			t.Fatalf("%d and %d pairs, %d octets, memory %d", whole.Len(), pieces.Len(), whole.Size(), cap(whole.data))
		}
		var wire []byte
		for name, value := range whole.All() {
			wire = AppendParamRaw(wire, name, value)
		}
		var again Params
		if _, err := again.Write(wire); err != nil || again.Finish() != nil || again.Len() != whole.Len() {
			t.Fatalf("again: %d pairs, %v", again.Len(), err)
		}
		for i := range again.Len() {
			n1, v1 := whole.At(i)
			n2, v2 := again.At(i)
			n3, v3 := pieces.At(i)
			if !bytes.Equal(n1, n2) || !bytes.Equal(v1, v2) || !bytes.Equal(n1, n3) || !bytes.Equal(v1, v3) {
				t.Fatalf("pair %d differs", i)
			}
			if whole.Get(string(n1)) == nil {
				t.Fatalf("Get(%q) does not find it", n1)
			}
		}
	})
}

// FuzzServerConn: any octets cut anywhere lead to the same requests and the
// same answers, all of them well formed, one END_REQUEST for each BEGIN_REQUEST
// at most, within the limits.
func FuzzServerConn(f *testing.F) {
	for i, seed := range seeds {
		f.Add(seed, uint64(i*13))
	}
	cfg := ServerConfig{MaxBody: 200, MaxParamBytes: 500, MaxParams: 20, Roles: []Role{RoleResponder, RoleAuthorizer, RoleFilter}}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		var out [2]bytes.Buffer
		var errs [2]error
		for i, src := range []io.Reader{bytes.NewReader(b), cutAnywhere(b, seed)} {
			conn := &scripted{in: src}
			s := NewServerConn(conn, cfg)
			for {
				req, err := s.Next()
				if req == nil {
					errs[i] = err
					break
				}
				if err != nil && !errors.Is(err, ErrLimit) || len(req.Stdin)+len(req.Data) > 200 || req.Params.Len() > 20 || req.ID == 0 {
					t.Fatalf("%+v, %v", req, err)
				}
				s.Stderr(req.Data)
				if err == nil {
					s.Stdout(req.Stdin)
				}
				if err := s.End(uint32(req.Params.Len())); err != nil {
					t.Fatal(err)
				}
			}
			out[i] = conn.out
		}
		if !typed(errs[0]) || errs[0] == nil || !errors.Is(errs[1], errs[0]) && errs[0].Error() != errs[1].Error() {
			t.Fatalf("errors %v and %v", errs[0], errs[1])
		}
		if !bytes.Equal(out[0].Bytes(), out[1].Bytes()) {
			t.Fatalf("answers %q and %q", out[0].Bytes(), out[1].Bytes())
		}
		ends := 0
		for _, rec := range parsed(t, out[0].Bytes()) {
			if rec.typ == TypeEndRequest {
				ends++
			}
		}
		if begins := bytes.Count(b, []byte{1, byte(TypeBeginRequest)}); ends > begins {
			t.Fatalf("%d ends for %d begins", ends, begins)
		}
	})
}

// FuzzClientAnswer: any octets for an answer, cut anywhere, give the same
// output and one of the outcomes.
func FuzzClientAnswer(f *testing.F) {
	for i, seed := range seeds {
		f.Add(seed, uint64(i*17), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64, keep bool) {
		var sinks [2]collected
		var errs [2]error
		var ends [2]EndRequest
		for i, src := range []io.Reader{bytes.NewReader(b), cutAnywhere(b, seed)} {
			cl := NewClient(&scripted{in: src})
			cl.Begin(RoleResponder, keep)
			ends[i], errs[i] = cl.Do(&sinks[i])
			if (errs[i] != nil || !keep) && !cl.MustClose() {
				t.Fatalf("must close after %v", errs[i])
			}
		}
		outcomes := 0
		for _, outcome := range []error{ErrNoAnswer, ErrCut, ErrProtocol} {
			if errors.Is(errs[0], outcome) {
				outcomes++
			}
		}
		if (errs[0] == nil) != (outcomes == 0) || outcomes > 1 || errors.Is(errs[0], ErrNoAnswer) != (len(b) == 0) {
			t.Fatalf("outcome %v of %d octets", errs[0], len(b))
		}
		if (errs[0] == nil) != (errs[1] == nil) || errs[0] != nil && errs[0].Error() != errs[1].Error() || ends[0] != ends[1] {
			t.Fatalf("outcomes %v and %v", errs[0], errs[1])
		}
		if !bytes.Equal(sinks[0].stdout.Bytes(), sinks[1].stdout.Bytes()) || !bytes.Equal(sinks[0].stderr.Bytes(), sinks[1].stderr.Bytes()) {
			t.Fatal("outputs differ")
		}
	})
}
