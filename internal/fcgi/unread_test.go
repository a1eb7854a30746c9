package fcgi

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// stopping gives octets, and then the error of a deadline.
type stopping struct{ io.Reader }

func (r stopping) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// say answers a request with what has come for it.
func say(s *ServerConn, req *Request, params *Params, stdin []byte, err error) error {
	for name, value := range params.All() {
		s.Stderr(join(name, []byte("="), value, []byte(";")))
	}
	if err == nil {
		s.Stdout(stdin)
		s.Stdout(req.Data)
	}
	status := uint32(req.Role)
	if req.KeepConn {
		status |= 1 << 8
	}
	return s.End(status)
}

// serveAll answers all requests, and gives the last error.
func serveAll(s *ServerConn) error {
	for {
		req, err := s.Next()
		if req == nil {
			return err
		}
		if err := say(s, req, &req.Params, req.Stdin, err); err != nil {
			return err
		}
	}
}

// serveUntil answers requests until it has nothing to read, or until it has the head,
// or the whole, of request number most: then it gives what somebody else needs to go
// on. ok is false if the exchange is over for another reason.
func serveUntil(s *ServerConn, most int, whole bool) (unread []byte, ok bool) {
	for n := 0; ; n++ {
		req, err := s.Head()
		if req == nil {
			return s.AppendUnread(nil, nil), errors.Is(err, os.ErrDeadlineExceeded)
		}
		var params Params
		params.Swap(&req.Params)
		var stdin []byte
		here := func() []byte { return s.AppendRest(s.AppendStdin(s.AppendBegun(nil, &params), stdin)) }
		if err == nil {
			if n == most && !whole {
				return here(), true
			}
			switch err := s.Body(func(p []byte) error { stdin = append(stdin, p...); return nil }); {
			case errors.Is(err, ErrAborted):
				continue
			case errors.Is(err, os.ErrDeadlineExceeded):
				return here(), true
			case err != nil:
				return nil, false
			case n == most:
				return here(), true
			}
		}
		if say(s, req, &params, stdin, err) != nil {
			return nil, false
		}
	}
}

// FuzzUnread: wherever a connection is when somebody else takes it, requests and
// answers are as if one had had it all the time.
func FuzzUnread(f *testing.F) {
	for i, seed := range append(seeds,
		join(AppendPadded(nil, TypeGetValues, 0, pairs(MaxConns, "", MpxsConns, ""), 9), request(3, 1, "body", "A", "b")),
		join(AppendBegin(nil, 1, RoleAuthorizer, 1), AppendPadded(nil, TypeParams, 1, pairs("NAME", "value"), 7),
			AppendStreamEnd(nil, TypeParams, 1), AppendPadded(nil, TypeStdin, 1, nil, 5), request(1, 1, "second")),
		join(request(1, 1, "some body")[:40], AppendGetValues(nil, MaxReqs), request(1, 1, "some body")[40:]),
		join(AppendBegin(nil, 1, RoleResponder, 1), AppendPadded(nil, TypeParams, 1, pairs("NAME", "value"), 7),
			AppendPadded(nil, TypeStdin, 2, []byte("of nobody"), 255), AppendStreamEnd(nil, TypeParams, 1),
			AppendPadded(nil, TypeStdin, 1, []byte("some body"), 200), AppendStreamEnd(nil, TypeStdin, 1)),
	) {
		for at := range 60 {
			f.Add(seed, uint16(at*(i%3+1)), uint64(at*7+i), uint8(at%4), at%2 == 0)
		}
	}
	cfg := ServerConfig{MaxBody: -1, MaxParamBytes: 500, MaxParams: 20, Roles: []Role{RoleResponder, RoleAuthorizer, RoleFilter}}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, seed uint64, most uint8, whole bool) {
		alone := &scripted{in: bytes.NewReader(b)}
		want := serveAll(NewServerConn(alone, cfg))
		cut := min(int(at), len(b))
		came := cutAnywhere(b[:cut], seed)
		first := &scripted{in: stopping{came}}
		unread, ok := serveUntil(NewServerConn(first, cfg), int(most), whole)
		if !ok {
			return
		}
		rest, _ := io.ReadAll(came)
		second := &scripted{in: cutAnywhere(join(unread, rest, b[cut:]), seed+1)}
		got := serveAll(NewServerConn(second, cfg))
		if !errors.Is(got, want) && got.Error() != want.Error() {
			t.Errorf("it ends with %v, not %v", got, want)
		}
		if out := join(first.out.Bytes(), second.out.Bytes()); !bytes.Equal(out, alone.out.Bytes()) {
			t.Errorf("answers\n%q, not\n%q\nhaving given %q", out, alone.out.Bytes(), unread)
		}
	})
}
