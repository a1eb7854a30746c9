package fcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// echo serves a ServerConn until Next fails: the answer names what came.
func echo(s *ServerConn) (served []string, err error) {
	for {
		req, err := s.Next()
		if req == nil {
			return served, err
		}
		said := fmt.Sprintf("%d %v keep=%v params=%d stdin=%d data=%d", req.ID, req.Role, req.KeepConn, req.Params.Len(), len(req.Stdin), len(req.Data))
		if err != nil {
			said = "limit"
		}
		served = append(served, said)
		if err := s.Stdout([]byte(said)); err != nil {
			return served, err
		}
		if err := s.End(0); err != nil {
			return served, err
		}
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestServerByClause gives a ServerConn octets and holds against the
// specification which requests it serves, what it answers beside them, and how
// it ends.
func TestServerByClause(t *testing.T) {
	const keep = FlagKeepConn
	limits := ServerConfig{MaxBody: 10, MaxParamBytes: 40, MaxParams: 3, Roles: []Role{RoleResponder, RoleAuthorizer, RoleFilter}, Limits: func() (int, int) { return 5, 0 }}
	one := func(id uint16) string { return fmt.Sprintf("%d FCGI_RESPONDER keep=true params=0 stdin=0 data=0", id) }
	answer := func(id uint16, said string) []byte {
		b := AppendStream(nil, TypeStdout, id, []byte(said))
		return AppendEnd(AppendStreamEnd(b, TypeStdout, id), id, EndRequest{})
	}
	ended := func(id uint16, s ProtocolStatus) []byte { return AppendEnd(nil, id, EndRequest{ProtocolStatus: s}) }
	good := request(1, keep, "")
	begin1 := AppendBegin(nil, 1, RoleResponder, keep)
	values := func(nv ...string) []byte { return AppendRecord(nil, TypeGetValuesResult, 0, pairs(nv...)) }
	authorizer := join(AppendBegin(nil, 3, RoleAuthorizer, keep), AppendStreamEnd(nil, TypeParams, 3))
	filter := join(AppendBegin(nil, 3, RoleFilter, keep), AppendStreamEnd(nil, TypeParams, 3), AppendStream(nil, TypeStdin, 3, []byte("ab")),
		AppendStreamEnd(nil, TypeStdin, 3), AppendStream(nil, TypeData, 3, []byte("cde")), AppendStreamEnd(nil, TypeData, 3))
	for _, c := range []struct {
		clause string
		in     []byte
		served []string
		out    []byte
		err    error
	}{
		{"3.5 closed without a request", nil, nil, nil, io.EOF},
		{"3.3 two requests on a kept connection", join(good, request(2, keep, "")), []string{one(1), one(2)}, join(answer(1, one(1)), answer(2, one(2))), io.EOF},
		{"3.3 the same id again", join(good, good), []string{one(1), one(1)}, join(answer(1, one(1)), answer(1, one(1))), io.EOF},
		{"3.3 records of an inactive request are ignored", join(AppendStream(nil, TypeStdin, 9, []byte("x")), AppendAbort(nil, 9), begin1, AppendStream(nil, TypeParams, 9, []byte("xyz")), good[16:]),
			[]string{one(1)}, answer(1, one(1)), io.EOF},
		{"3.3 closed inside a request", begin1, nil, nil, io.ErrUnexpectedEOF},
		{"3.3 version", join(good, []byte{9, 1, 0, 1, 0, 8, 0, 0}), []string{one(1)}, answer(1, one(1)), ErrVersion},
		{"3.4 pairs cut", join(begin1, AppendRecord(nil, TypeParams, 1, []byte{5}), AppendStreamEnd(nil, TypeParams, 1)), nil, nil, ErrPairTruncated},
		{"3.5 without KEEP_CONN one request is all", join(request(1, 0, ""), good), []string{strings.Replace(one(1), "true", "false", 1)},
			answer(1, strings.Replace(one(1), "true", "false", 1)), io.EOF},
		{"4.1 all values", AppendGetValues(nil, MaxConns, MaxReqs, MpxsConns), nil, values(MaxConns, "5", MaxReqs, "1", MpxsConns, "0"), io.EOF},
		{"4.1 unknown names are left out", AppendGetValues(nil, "X", MpxsConns), nil, values(MpxsConns, "0"), io.EOF},
		{"4.1 no names", AppendGetValues(nil), nil, values(), io.EOF},
		{"4.1 inside a request", join(begin1, AppendGetValues(nil, MpxsConns), good[16:]), []string{one(1)}, join(values(MpxsConns, "0"), answer(1, one(1))), io.EOF},
		{"4.1 pairs cut", AppendRecord(nil, TypeGetValues, 0, []byte{3}), nil, nil, ErrPairTruncated},
		{"4.1 too many names", AppendRecord(nil, TypeGetValues, 0, make([]byte, 200)), nil, nil, ErrTooManyParams},
		{"4.2 unknown type", join(AppendRecord(nil, 77, 0, []byte("body")), good), []string{one(1)}, join(AppendUnknownType(nil, 77), answer(1, one(1))), io.EOF},
		{"4.2 an application type with id 0", AppendBegin(nil, 0, RoleResponder, keep), nil, AppendUnknownType(nil, TypeBeginRequest), io.EOF},
		{"5.1 malformed", AppendRecord(nil, TypeBeginRequest, 1, []byte("x")), nil, nil, ErrMalformedBegin},
		{"5.1 an active id", join(begin1, begin1), nil, nil, ErrRecordOrder},
		{"5.2 parameters in several records", join(begin1, AppendStream(nil, TypeParams, 1, []byte{1, 1, 'A'}), AppendStream(nil, TypeParams, 1, []byte{'b'}), good[16:]),
			[]string{"1 FCGI_RESPONDER keep=true params=1 stdin=0 data=0"}, answer(1, "1 FCGI_RESPONDER keep=true params=1 stdin=0 data=0"), io.EOF},
		{"5.2 too many octets", join(request(1, keep, "", "A", strings.Repeat("x", 50)), good), []string{"limit", one(1)}, join(answer(1, "limit"), answer(1, one(1))), io.EOF},
		{"5.2 too many parameters", join(request(1, keep, "", "A", "", "B", "", "C", "", "D", ""), good), []string{"limit", one(1)}, join(answer(1, "limit"), answer(1, one(1))), io.EOF},
		{"5.3 body at the limit", request(1, keep, "0123456789"), []string{"1 FCGI_RESPONDER keep=true params=0 stdin=10 data=0"},
			answer(1, "1 FCGI_RESPONDER keep=true params=0 stdin=10 data=0"), io.EOF},
		{"5.3 body over the limit", join(request(1, keep, "0123456789a"), good), []string{"limit", one(1)}, join(answer(1, "limit"), answer(1, one(1))), io.EOF},
		{"5.4 aborted before it is whole", join(begin1, AppendAbort(nil, 1), request(2, keep, "")), []string{one(2)}, join(ended(1, RequestComplete), answer(2, one(2))), io.EOF},
		{"5.4 aborted in the body without KEEP_CONN", join(request(1, 0, "abc")[:24+11], AppendAbort(nil, 1), good), nil, ended(1, RequestComplete), io.EOF},
		{"5.4 aborted after it was answered", join(good, AppendAbort(nil, 1), good), []string{one(1), one(1)}, join(answer(1, one(1)), answer(1, one(1))), io.EOF},
		{"5.5 CANT_MPX_CONN", join(begin1, request(2, 0, "x"), good[16:]), []string{one(1)}, join(ended(2, CantMpxConn), answer(1, one(1))), io.EOF},
		{"5.5 UNKNOWN_ROLE", join(AppendBegin(nil, 4, 9, keep), AppendStreamEnd(nil, TypeParams, 4), good), []string{one(1)}, join(ended(4, UnknownRole), answer(1, one(1))), io.EOF},
		{"5.5 UNKNOWN_ROLE without KEEP_CONN", join(AppendBegin(nil, 4, 9, 0), good), nil, ended(4, UnknownRole), io.EOF},
		{"6.1 STDIN before the end of PARAMS", join(begin1, AppendStream(nil, TypeStdin, 1, []byte("x"))), nil, nil, ErrRecordOrder},
		{"6.1 PARAMS after their end", join(begin1, good[16:24], AppendStream(nil, TypeParams, 1, []byte("x"))), nil, nil, ErrRecordOrder},
		{"6.2 a responder has no DATA", join(begin1, good[16:24], AppendStream(nil, TypeData, 1, []byte("x"))), nil, nil, ErrRecordOrder},
		{"6.2 STDOUT is not for the application", join(begin1, AppendStream(nil, TypeStdout, 1, []byte("x"))), nil, nil, ErrRecordOrder},
		{"6.3 authorizer", authorizer, []string{"3 FCGI_AUTHORIZER keep=true params=0 stdin=0 data=0"}, answer(3, "3 FCGI_AUTHORIZER keep=true params=0 stdin=0 data=0"), io.EOF},
		{"6.3 authorizer with an empty STDIN", join(authorizer, AppendStreamEnd(nil, TypeStdin, 3), good),
			[]string{"3 FCGI_AUTHORIZER keep=true params=0 stdin=0 data=0", one(1)}, join(answer(3, "3 FCGI_AUTHORIZER keep=true params=0 stdin=0 data=0"), answer(1, one(1))), io.EOF},
		{"6.4 filter", filter, []string{"3 FCGI_FILTER keep=true params=0 stdin=2 data=3"}, answer(3, "3 FCGI_FILTER keep=true params=0 stdin=2 data=3"), io.EOF},
	} {
		t.Run(c.clause, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(5, 6))
			for _, most := range []int{1, 3, 20, 1 << 16} {
				conn := &scripted{in: &split{c.in, rnd, most}}
				s := NewServerConn(conn, limits)
				served, err := echo(s)
				if !errors.Is(err, c.err) {
					t.Errorf("reads of %d: ended with %v, want %v", most, err, c.err)
				}
				if strings.Join(served, ";") != strings.Join(c.served, ";") {
					t.Errorf("reads of %d: served %q, want %q", most, served, c.served)
				}
				if !bytes.Equal(conn.out.Bytes(), c.out) {
					t.Errorf("reads of %d: wrote\n%q, want\n%q", most, conn.out.Bytes(), c.out)
				}
				if _, again := s.Next(); errors.Is(err, ErrProtocol) && !errors.Is(again, c.err) {
					t.Errorf("a violation is not given again: %v", again)
				}
			}
		})
	}
}

func TestClause55RoleNotServed(t *testing.T) {
	conn := script(AppendBegin(nil, 1, RoleFilter, 0))
	if req, err := NewServerConn(conn, ServerConfig{}).Next(); req != nil || err != io.EOF {
		t.Errorf("%v, %v", req, err)
	}
	if !bytes.Equal(conn.out.Bytes(), AppendEnd(nil, 1, EndRequest{ProtocolStatus: UnknownRole})) {
		t.Errorf("wrote %q", conn.out.Bytes())
	}
}

func TestClause55Refuse(t *testing.T) {
	conn := script(request(1, 1, ""))
	s := NewServerConn(conn, ServerConfig{})
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	if err := s.Refuse(Overloaded); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(conn.out.Bytes(), AppendEnd(nil, 1, EndRequest{ProtocolStatus: Overloaded})) {
		t.Errorf("wrote %q", conn.out.Bytes())
	}
}

// countedWrites counts system calls' worth of writes and may refuse them.
type countedWrites struct {
	scripted
	writes int
	err    error
}

func (c *countedWrites) Write(p []byte) (int, error) {
	c.writes++
	if c.err != nil {
		return 0, c.err
	}
	return c.scripted.Write(p)
}

func TestAnswerIsGathered(t *testing.T) {
	conn := &countedWrites{scripted: *script(request(1, 1, ""))}
	s := NewServerConn(conn, ServerConfig{})
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"Status: 200\r\n", "\r\n", "", "hello"} {
		if err := s.Stdout([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	s.Stderr([]byte("a warning"))
	s.Stdout([]byte("!"))
	if err := s.End(3); err != nil {
		t.Fatal(err)
	}
	want := []record{
		{TypeStdout, 1, "Status: 200\r\n\r\nhello"}, {TypeStderr, 1, "a warning"}, {TypeStdout, 1, "!"},
		{TypeStdout, 1, ""}, {TypeStderr, 1, ""}, {TypeEndRequest, 1, "\x00\x00\x00\x03\x00\x00\x00\x00"},
	}
	if got := parsed(t, conn.out.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) || conn.writes != 1 {
		t.Errorf("%d writes: %v, want %v", conn.writes, got, want)
	}
}

func TestAnswerOfAnySize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 30 {
		conn := script(request(1, 1, ""))
		s := NewServerConn(conn, ServerConfig{})
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		var want [2]string
		for range rnd.IntN(12) {
			p := pattern([]int{rnd.IntN(50), rnd.IntN(9000), rnd.IntN(200000)}[rnd.IntN(3)])
			to := rnd.IntN(2)
			want[to] += string(p)
			if err := s.stream([]Type{TypeStdout, TypeStderr}[to], p); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(4) == 0 {
				s.Flush()
			}
			if s.out.k != nil && len(s.out.k.b) > outBufferLen {
				t.Fatalf("%d octets gathered", len(s.out.k.b))
			}
		}
		if err := s.End(0); err != nil {
			t.Fatal(err)
		}
		var got [2]string
		for _, rec := range parsed(t, conn.out.Bytes()) {
			switch rec.typ {
			case TypeStdout:
				got[0] += rec.data
			case TypeStderr:
				got[1] += rec.data
			}
		}
		if got != want {
			t.Fatalf("lengths %d, %d; want %d, %d", len(got[0]), len(got[1]), len(want[0]), len(want[1]))
		}
	}
}

func TestWriteErrorsStick(t *testing.T) {
	broken := errors.New("broken")
	conn := &countedWrites{scripted: *script(request(1, 1, ""), request(1, 1, "")), err: broken}
	s := NewServerConn(conn, ServerConfig{})
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stdout([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"Flush": s.Flush, "Stdout": func() error { return s.Stdout(pattern(20000)) }, "Stderr": func() error { return s.Stderr([]byte("x")) },
	} {
		s.Flush()
		if err := call(); err != broken {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.End(0); err != broken {
		t.Errorf("End: %v", err)
	}
	if _, err := s.Next(); err != broken {
		t.Errorf("Next: %v", err)
	}
	if conn.writes != 1 {
		t.Errorf("%d writes were tried", conn.writes)
	}
}

func TestServerOrderOfCalls(t *testing.T) {
	s := NewServerConn(script(request(1, 1, "")), ServerConfig{})
	if err := s.Stdout([]byte("x")); err != ErrNoRequest {
		t.Errorf("Stdout before Next: %v", err)
	}
	if err := s.End(0); err != ErrNoRequest {
		t.Errorf("End before Next: %v", err)
	}
	s.Next()
	if _, err := s.Next(); err != ErrActive {
		t.Errorf("Next before End: %v", err)
	}
	if s.AtBoundary() {
		t.Error("at a boundary with a request in hand")
	}
	s.End(0)
	if err := s.End(0); err != ErrNoRequest {
		t.Errorf("End after End: %v", err)
	}
	if _, err := s.Next(); err != io.EOF || !s.AtBoundary() || len(s.Buffered()) > 0 {
		t.Errorf("Next at the end: %v", err)
	}
}

// TestNothingOfOneRequestInTheNext looks into the memory that is used again.
func TestNothingOfOneRequestInTheNext(t *testing.T) {
	s := NewServerConn(script(request(1, 1, "secret body", "SECRET", "value"), request(1, 1, "")), ServerConfig{})
	req, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	stdin, value := req.Stdin, req.Params.Get("SECRET")
	s.End(0)
	if req, err = s.Next(); err != nil || len(req.Stdin) != 0 || req.Params.Len() != 0 {
		t.Fatalf("%+v, %v", req, err)
	}
	if strings.Trim(string(stdin)+string(value), "\x00") != "" {
		t.Errorf("memory still holds %q, %q", stdin, value)
	}
}
