package fcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// TestAnswerByClause gives a Client the octets of an answer.
func TestAnswerByClause(t *testing.T) {
	out := func(s string) []byte { return AppendStream(nil, TypeStdout, 1, []byte(s)) }
	errs := func(s string) []byte { return AppendStream(nil, TypeStderr, 1, []byte(s)) }
	eos := AppendStreamEnd(nil, TypeStdout, 1)
	end := AppendEnd(nil, 1, EndRequest{})
	for _, c := range []struct {
		clause    string
		keep      bool
		in        []byte
		out, errs string
		end       EndRequest
		err       error
		mustClose bool
	}{
		{"5.5 complete", true, join(out("a"), out("b"), eos, end), "ab", "", EndRequest{}, nil, false},
		{"5.5 without the end of STDOUT", true, join(out("a"), end), "a", "", EndRequest{}, nil, false},
		{"5.5 no output at all", true, end, "", "", EndRequest{}, nil, false},
		{"5.5 padding", true, join(AppendPadded(nil, TypeStdout, 1, []byte("a"), 7), AppendPadded(nil, TypeEndRequest, 1, make([]byte, 8), 200)), "a", "", EndRequest{}, nil, false},
		{"5.5 statuses", true, AppendEnd(nil, 1, EndRequest{0xfffffffe, Overloaded}), "", "", EndRequest{0xfffffffe, Overloaded}, nil, false},
		{"5.3 STDERR between and after", true, join(errs("x"), out("a"), errs("y"), eos, errs("z"), AppendStreamEnd(nil, TypeStderr, 1), end), "a", "xyz", EndRequest{}, nil, false},
		{"5.3 STDOUT after its end", true, join(eos, out("a"), end), "", "", EndRequest{}, ErrRecordOrder, true},
		{"5.3 STDOUT ended twice", true, join(eos, eos, end), "", "", EndRequest{}, nil, false},
		{"3.3 another id", true, join(AppendStream(nil, TypeStdout, 2, []byte("a")), end), "", "", EndRequest{}, ErrRequestID, true},
		{"3.3 version", true, []byte("HTTP/1.1 200 OK\r\n"), "", "", EndRequest{}, ErrVersion, true},
		{"4 a management record nobody asked for", true, AppendRecord(nil, TypeGetValuesResult, 0, nil), "", "", EndRequest{}, ErrRequestID, true},
		{"6.2 STDIN from the program", true, AppendStream(nil, TypeStdin, 1, []byte("x")), "", "", EndRequest{}, ErrRecordOrder, true},
		{"5.5 STDOUT after END_REQUEST", true, join(end, out("a")), "", "", EndRequest{}, nil, true},
		{"5.5 malformed", true, AppendRecord(nil, TypeEndRequest, 1, []byte("x")), "", "", EndRequest{}, ErrMalformedEnd, true},
		{"3.5 without KEEP_CONN", false, join(out("a"), eos, end), "a", "", EndRequest{}, nil, true},
		{"3.5 closed instead of END_REQUEST", false, join(out("a"), eos), "a", "", EndRequest{}, nil, true},
		{"3.5 closed instead of END_REQUEST, kept", true, join(out("a"), eos), "a", "", EndRequest{}, ErrCut, true},
		{"3.5 closed inside STDOUT", false, out("a"), "a", "", EndRequest{}, ErrCut, true},
		{"3.5 closed inside END_REQUEST", false, join(eos, end[:9]), "", "", EndRequest{}, ErrCut, true},
		{"3.5 closed inside the first header", true, end[:1], "", "", EndRequest{}, ErrCut, true},
		{"3.5 closed before the answer", true, nil, "", "", EndRequest{}, ErrNoAnswer, true},
	} {
		t.Run(c.clause, func(t *testing.T) {
			for _, src := range []io.Reader{bytes.NewReader(c.in), iotest.OneByteReader(bytes.NewReader(c.in))} {
				cl := NewClient(&scripted{in: src})
				var sink collected
				cl.Begin(RoleResponder, c.keep)
				end, err := cl.Do(&sink)
				if !errors.Is(err, c.err) || end != c.end {
					t.Errorf("%T: %+v, %v; want %+v, %v", src, end, err, c.end, c.err)
				}
				if sink.stdout.String() != c.out || sink.stderr.String() != c.errs {
					t.Errorf("%T: stdout %q, stderr %q", src, &sink.stdout, &sink.stderr)
				}
				if _, whole := src.(*bytes.Reader); whole && (cl.MustClose() != c.mustClose || cl.Alive() == c.mustClose) {
					t.Errorf("must close %v, alive %v", cl.MustClose(), cl.Alive())
				}
			}
		})
	}
}

func TestAnswerOutcomesAreTold(t *testing.T) {
	cl := NewClient(script())
	if _, err := cl.Do(nil); err != ErrNotBegun {
		t.Errorf("Do without Begin: %v", err)
	}
	cl.Begin(RoleResponder, true)
	if _, err := cl.Do(nil); !errors.Is(err, io.EOF) || errors.Is(err, ErrCut) {
		t.Errorf("no answer: %v", err)
	}
	cl.Begin(RoleResponder, true)
	if _, err := cl.Do(nil); err != ErrSpent {
		t.Errorf("after a failure: %v", err)
	}
	refused := errors.New("refused")
	cl = NewClient(script(AppendStream(nil, TypeStdout, 1, []byte("x"))))
	cl.Begin(RoleResponder, true)
	if _, err := cl.Do(&collected{refuse: refused}); !errors.Is(err, ErrSink) || !errors.Is(err, refused) || !cl.MustClose() {
		t.Errorf("sink: %v", err)
	}
	for name, stop := range map[string]func(net.Conn){
		"deadline": func(c net.Conn) { c.SetDeadline(past) },
		"closed":   func(c net.Conn) { c.Close() },
	} {
		for _, wrap := range []bool{false, true} {
			web, _ := connect(t)
			var conn net.Conn = web
			if wrap {
				conn = plain{web}
			}
			cl = NewClient(conn)
			stop(web)
			cl.Begin(RoleResponder, true)
			if _, err := cl.Do(nil); !errors.Is(err, ErrInterrupted) || errors.Is(err, ErrNoAnswer) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// The peer is gone before the request is written: the cause is EPIPE.
	for _, size := range []int{0, 1 << 20} {
		web, app := connect(t)
		app.Close()
		cl = NewClient(web)
		cl.Begin(RoleResponder, true)
		cl.Body(make([]byte, size))
		_, err := cl.Do(nil)
		if !errors.Is(err, ErrNoAnswer) || size == 0 && !errors.Is(err, syscall.EPIPE) && os.PathSeparator == '/' {
			t.Errorf("peer gone, body of %d: %v", size, err)
		}
		if !cl.Unsent() && os.PathSeparator == '/' {
			t.Errorf("peer gone, body of %d: something was sent", size)
		}
	}
}

// sent gives the request as records, and its BEGIN's flags.
func sent(t *testing.T, c *scripted) (string, []record) {
	t.Helper()
	all := parsed(t, c.out.Bytes())
	flag := "close"
	if all[0].data[2]&FlagKeepConn != 0 {
		flag = "keep"
	}
	return flag, all
}

func TestRequestOctets(t *testing.T) {
	conn := script(AppendEnd(nil, 1, EndRequest{}))
	cl := NewClient(conn)
	cl.Begin(RoleResponder, true)
	cl.Param("A", "1")
	cl.ParamBytes("B", []byte("22"))
	cl.ParamRaw([]byte("C"), nil)
	cl.Body([]byte("body"))
	cl.Data([]byte("not for a responder"))
	if _, err := cl.Do(&collected{}); err != nil {
		t.Fatal(err)
	}
	if want := request(1, FlagKeepConn, "body", "A", "1", "B", "22", "C", ""); !bytes.Equal(conn.out.Bytes(), want) {
		t.Errorf("wrote %q, want %q", conn.out.Bytes(), want)
	}
}

func TestClause6InputsOfRoles(t *testing.T) {
	for role, want := range map[Role]string{
		RoleResponder:  "[FCGI_BEGIN_REQUEST FCGI_PARAMS FCGI_STDIN FCGI_STDIN]",
		RoleAuthorizer: "[FCGI_BEGIN_REQUEST FCGI_PARAMS]",
		RoleFilter:     "[FCGI_BEGIN_REQUEST FCGI_PARAMS FCGI_STDIN FCGI_STDIN FCGI_DATA FCGI_DATA]",
	} {
		conn := script(AppendEnd(nil, 1, EndRequest{}))
		cl := NewClient(conn)
		cl.Begin(role, true)
		cl.Body([]byte("body"))
		cl.Data([]byte("data"))
		if _, err := cl.Do(&collected{}); err != nil || cl.MustClose() {
			t.Fatal(err)
		}
		_, all := sent(t, conn)
		var types []Type
		for _, rec := range all {
			types = append(types, rec.typ)
		}
		if fmt.Sprint(types) != want {
			t.Errorf("%v: %v", role, types)
		}
	}
}

func TestParamsBeyondOneRecord(t *testing.T) {
	conn := script(AppendEnd(nil, 1, EndRequest{}))
	cl := NewClient(conn)
	cl.Begin(RoleResponder, true)
	value := pattern(30000)
	for i := range 9 {
		cl.ParamBytes(fmt.Sprint("NAME", i), value)
	}
	if _, err := cl.Do(&collected{}); err != nil {
		t.Fatal(err)
	}
	s := NewServerConn(&scripted{in: &conn.out}, ServerConfig{MaxParamBytes: -1})
	req, err := s.Next()
	if err != nil || req.Params.Len() != 9 || !bytes.Equal(req.Params.Get("NAME8"), value) {
		t.Errorf("%v", err)
	}
}

// TestSmallKeep looks for the request size at which KEEP_CONN is dropped.
func TestSmallKeep(t *testing.T) {
	for _, c := range []struct {
		body    int
		unknown bool
		small   bool
		want    string
	}{
		{8192 - 48, false, true, "keep"}, {8192 - 47, false, true, "close"}, {8192 - 47, false, false, "keep"},
		{10, true, true, "close"}, {10, true, false, "keep"},
	} {
		for _, reader := range []bool{false, true} {
			web, app := connect(t)
			cl := NewClient(web)
			cl.SmallKeep = c.small
			got := make(chan []byte, 1)
			go func() {
				defer close(got)
				r := NewReader(app)
				var begin []byte
				for {
					f, err := r.Next()
					if err != nil {
						return
					}
					if f.Type == TypeBeginRequest {
						begin = bytes.Clone(f.Data)
					}
					if f.Type == TypeStdin && f.EndOfStream() {
						break
					}
				}
				app.Write(AppendEnd(nil, 1, EndRequest{}))
				got <- begin
			}()
			cl.Begin(RoleResponder, true) // 16 octets, 8 for the end of the parameters, 8 and 8 for the body
			cl.Param("ABC", "123")        // 8, and 8 for their header: 56 in all, but for the body
			body := make([]byte, max(c.body-8, 0))
			switch {
			case c.unknown:
				cl.BodyReader(bytes.NewReader(body), -1, nil)
			case reader:
				cl.BodyReader(bytes.NewReader(body), int64(len(body)), nil)
			default:
				cl.Body(body)
			}
			if _, err := cl.Do(&collected{}); err != nil {
				t.Fatal(err)
			}
			flag := map[byte]string{0: "close", FlagKeepConn: "keep"}[(<-got)[2]]
			if flag != c.want || cl.MustClose() != (c.want == "close") {
				t.Errorf("%+v: %s, must close %v", c, flag, cl.MustClose())
			}
		}
	}
}

func TestBodyReaderFails(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name      string
		src       io.Reader
		n         int64
		cause     error
		mustClose bool
	}{
		{"small and short", strings.NewReader("abc"), 4, io.ErrUnexpectedEOF, false},
		{"small and empty", strings.NewReader(""), 4, io.ErrUnexpectedEOF, false},
		{"small and bad", iotest.ErrReader(bad), 4, bad, false},
		{"large and short", strings.NewReader("abc"), 1 << 20, io.ErrUnexpectedEOF, true},
		{"unknown and bad", iotest.ErrReader(bad), -1, bad, true},
		{"no progress", readFunc(func([]byte) (int, error) { return 0, nil }), -1, io.ErrNoProgress, true},
	} {
		web, app := connect(t)
		received := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(app)
			received <- b
		}()
		cl := NewClient(web)
		cl.Begin(RoleResponder, true)
		cl.BodyReader(c.src, c.n, nil)
		_, err := cl.Do(&collected{})
		if !errors.Is(err, ErrBody) || !errors.Is(err, c.cause) || cl.MustClose() != c.mustClose {
			t.Errorf("%s: %v, must close %v", c.name, err, cl.MustClose())
		}
		web.Close()
		if b := <-received; c.mustClose != bytes.HasSuffix(b, AppendAbort(nil, 1)) || !c.mustClose && len(b) > 0 {
			t.Errorf("%s: the program received %q", c.name, b)
		}
	}
}

// TestLateAnswer: what a program sends for an exchange that is over is not taken for the
// answer to the next one.
func TestLateAnswer(t *testing.T) {
	answer := func(id uint16, s string) []byte {
		return join(AppendStream(nil, TypeStdout, id, []byte(s)), AppendEnd(nil, id, EndRequest{}))
	}
	s := &scripted{in: bytes.NewReader(answer(1, "first"))}
	cl := NewClient(s)
	for id := uint16(1); id <= 2*idsMost; id++ {
		var sink collected
		cl.Begin(RoleResponder, true)
		if _, err := cl.Do(&sink); err != nil || sink.stdout.String() != "first" {
			t.Fatalf("%d: %q, %v", id, &sink.stdout, err)
		}
		next := id%idsMost + 1
		s.in = bytes.NewReader(answer(next, "first"))
		cl.rd.Reset(s)
	}
	s.in = bytes.NewReader(answer(idsMost, "late"))
	cl.rd.Reset(s)
	var sink collected
	cl.Begin(RoleResponder, true)
	if _, err := cl.Do(&sink); !errors.Is(err, ErrRequestID) || sink.stdout.Len() > 0 || !cl.MustClose() {
		t.Errorf("%q, %v", &sink.stdout, err)
	}
}
