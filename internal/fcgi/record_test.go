package fcgi

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// TestEncodingByClause holds the octets against the tables of the
// specification.
func TestEncodingByClause(t *testing.T) {
	for _, c := range []struct{ clause, got, want string }{
		{"3.3 header", string(AppendHeader(nil, Header{TypeStdin, 0x0102, 0x0304, 5})), "\x01\x05\x01\x02\x03\x04\x05\x00"},
		{"3.3 padding", string(AppendPadded(nil, TypeStdout, 1, []byte("abc"), 5)), "\x01\x06\x00\x01\x00\x03\x05\x00abc\x00\x00\x00\x00\x00"},
		{"3.3 end of stream", string(AppendStreamEnd(nil, TypeStdin, 1)), "\x01\x05\x00\x01\x00\x00\x00\x00"},
		{"3.3 no data is no end of stream", string(AppendStream(nil, TypeStdin, 1, nil)), ""},
		{"3.4 short lengths", string(AppendParam(nil, "A", "bc")), "\x01\x02Abc"},
		{"3.4 empty name and value", string(AppendParam(nil, "", "")), "\x00\x00"},
		{"3.4 127 in one octet", string(AppendParam(nil, "", string(make([]byte, 127)))[:2]), "\x00\x7f"},
		{"3.4 128 in four octets", string(AppendParam(nil, "", string(make([]byte, 128)))[:5]), "\x00\x80\x00\x00\x80"},
		{"3.4 long name", string(AppendParamRaw(nil, make([]byte, 0x010203), []byte("v"))[:5]), "\x80\x01\x02\x03\x01"},
		{"4.1 get values", string(AppendGetValues(nil, MpxsConns)), "\x01\x09\x00\x00\x00\x11\x00\x00\x0f\x00FCGI_MPXS_CONNS"},
		{"4.2 unknown type", string(AppendUnknownType(nil, 99)), "\x01\x0b\x00\x00\x00\x08\x00\x00\x63\x00\x00\x00\x00\x00\x00\x00"},
		{"5.1 begin", string(AppendBegin(nil, 7, RoleFilter, FlagKeepConn)), "\x01\x01\x00\x07\x00\x08\x00\x00\x00\x03\x01\x00\x00\x00\x00\x00"},
		{"5.4 abort", string(AppendAbort(nil, 7)), "\x01\x02\x00\x07\x00\x00\x00\x00"},
		{"5.5 end", string(AppendEnd(nil, 7, EndRequest{0x01020304, Overloaded})), "\x01\x03\x00\x07\x00\x08\x00\x00\x01\x02\x03\x04\x02\x00\x00\x00"},
	} {
		t.Run(c.clause, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got %q, want %q", c.got, c.want)
			}
		})
	}
}

func TestClause8Names(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{TypeBeginRequest.String(), "FCGI_BEGIN_REQUEST"}, {TypeUnknownType.String(), "FCGI_UNKNOWN_TYPE"},
		{Type(0).String(), "FCGI type 0"}, {Type(12).String(), "FCGI type 12"},
		{RoleResponder.String(), "FCGI_RESPONDER"}, {RoleAuthorizer.String(), "FCGI_AUTHORIZER"}, {RoleFilter.String(), "FCGI_FILTER"}, {Role(4).String(), "FCGI role 4"},
		{RequestComplete.String(), "FCGI_REQUEST_COMPLETE"}, {CantMpxConn.String(), "FCGI_CANT_MPX_CONN"}, {Overloaded.String(), "FCGI_OVERLOADED"},
		{UnknownRole.String(), "FCGI_UNKNOWN_ROLE"}, {ProtocolStatus(4).String(), "FCGI protocol status 4"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	for typ := range Type(20) {
		if got, want := typ.IsStream(), typ >= TypeParams && typ <= TypeData; got != want {
			t.Errorf("%v: stream %v", typ, got)
		}
	}
}

// TestReaderByClause gives octets one at a time and all at once.
func TestReaderByClause(t *testing.T) {
	begin := AppendBegin(nil, 1, RoleResponder, 0)
	end := AppendEnd(nil, 1, EndRequest{})
	padded := AppendPadded(nil, TypeStdin, 1, []byte("abc"), 255)
	for _, c := range []struct {
		clause string
		in     []byte
		want   int // records
		err    error
	}{
		{"3.3 nothing", nil, 0, io.EOF},
		{"3.3 whole records", append(bytes.Clone(begin), end...), 2, io.EOF},
		{"3.3 padding is skipped", append(bytes.Clone(padded), begin...), 2, io.EOF},
		{"3.3 padding of an empty record", AppendPadded(nil, TypeStdin, 1, nil, 8), 1, io.EOF},
		{"3.3 version 0", []byte{0, 1, 0, 1, 0, 8, 0, 0}, 0, ErrVersion},
		{"3.3 version 2", append(bytes.Clone(begin), 2, 1, 0, 1, 0, 8, 0, 0), 1, ErrVersion},
		{"3.3 cut in the header", begin[:7], 0, io.ErrUnexpectedEOF},
		{"3.3 cut after the header", padded[:8], 0, io.ErrUnexpectedEOF},
		{"3.3 cut in the content", padded[:9], 1, io.ErrUnexpectedEOF},
		{"3.3 cut in the padding", padded[:len(padded)-1], 1, io.ErrUnexpectedEOF},
		{"3.3 reserved octet is ignored", []byte{1, 5, 0, 1, 0, 0, 0, 99}, 1, io.EOF},
		{"5.1 short body", AppendRecord(nil, TypeBeginRequest, 1, make([]byte, 7)), 0, ErrMalformedBegin},
		{"5.1 long body", AppendRecord(nil, TypeBeginRequest, 1, make([]byte, 9)), 0, ErrMalformedBegin},
		{"5.1 cut in the body", begin[:15], 0, io.ErrUnexpectedEOF},
		{"5.4 body", AppendRecord(nil, TypeAbortRequest, 1, make([]byte, 1)), 0, ErrMalformedAbort},
		{"5.5 no body", AppendRecord(nil, TypeEndRequest, 1, nil), 0, ErrMalformedEnd},
		{"5.5 cut in the padding", AppendPadded(nil, TypeEndRequest, 1, make([]byte, 8), 3)[:17], 0, io.ErrUnexpectedEOF},
	} {
		t.Run(c.clause, func(t *testing.T) {
			for _, src := range []io.Reader{
				bytes.NewReader(c.in), iotest.OneByteReader(bytes.NewReader(c.in)), iotest.DataErrReader(bytes.NewReader(c.in)),
			} {
				got, err := records(NewReader(src))
				if !errors.Is(err, c.err) || len(got) != c.want {
					t.Errorf("%T: %d records, %v; want %d, %v", src, len(got), err, c.want, c.err)
				}
			}
		})
	}
}

// TestReaderAnySplit writes random records and reads them in random pieces.
func TestReaderAnySplit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var wire []byte
		var want []record
		for range 1 + rnd.IntN(20) {
			n := []int{0, rnd.IntN(40), rnd.IntN(3000), MaxContent - rnd.IntN(2)}[rnd.IntN(4)]
			rec := record{Type(4 + rnd.IntN(5)), uint16(rnd.IntN(1 << 16)), string(pattern(n))}
			want = append(want, rec)
			wire = AppendPadded(wire, rec.typ, rec.id, []byte(rec.data), uint8(rnd.IntN(256)))
		}
		r := NewReader(&split{wire, rnd, 1 + rnd.IntN(30000)})
		got, err := records(r)
		if err != io.EOF || len(got) != len(want) {
			t.Fatalf("%d records, %v; want %d", len(got), err, len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("record %d: %v id %d, %d octets; want %v id %d, %d octets", i,
					got[i].typ, got[i].id, len(got[i].data), want[i].typ, want[i].id, len(want[i].data))
			}
		}
		if !r.AtBoundary() || len(r.Buffered()) != 0 {
			t.Fatal("not at a boundary after EOF")
		}
	}
}

// TestStreamAnySplit splits any stream into records and joins it again.
func TestStreamAnySplit(t *testing.T) {
	for _, n := range []int{0, 1, MaxContent - 1, MaxContent, MaxContent + 1, 3*MaxContent + 17} {
		data := pattern(n)
		for name, wire := range map[string][]byte{
			"AppendStream": AppendStream([]byte{}, TypeStdout, 9, data),
			"closeRecord":  closeRecord(append(openRecord([]byte{}, TypeStdout, 9), data...), 0),
		} {
			var got []byte
			all := parsed(t, wire)
			for _, rec := range all {
				if rec.typ != TypeStdout || rec.id != 9 || rec.data == "" {
					t.Fatalf("%s %d: record %v id %d, %d octets", name, n, rec.typ, rec.id, len(rec.data))
				}
				got = append(got, rec.data...)
			}
			if !bytes.Equal(got, data) || len(all) != (n+MaxContent-1)/MaxContent {
				t.Errorf("%s %d: %d records, %d octets", name, n, len(all), len(got))
			}
			if int64(len(wire)) != streamLen(int64(n))-HeaderLen {
				t.Errorf("streamLen(%d) = %d, encoded %d", n, streamLen(int64(n)), len(wire))
			}
		}
	}
}

func TestReaderKeepsOctetsOverErrors(t *testing.T) {
	wire := AppendPadded(nil, TypeStdin, 1, []byte("hello"), 9)
	wire = AppendBegin(wire, 2, RoleResponder, 0)
	r := NewReader(iotest.OneByteReader(iotest.TimeoutReader(bytes.NewReader(wire))))
	var got []string
	timeouts := 0
	for {
		f, err := r.Next()
		if err == iotest.ErrTimeout {
			timeouts++
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(f.Data))
	}
	if timeouts != 1 || len(got) != 6 || got[4] != "o" {
		t.Errorf("%d timeouts, fragments %q", timeouts, got)
	}
}

func TestReaderNoProgress(t *testing.T) {
	r := NewReader(readFunc(func([]byte) (int, error) { return 0, nil }))
	if _, err := r.Next(); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestReaderPeekAndBuffered(t *testing.T) {
	wire := request(1, 0, "x", "A", "B")
	r := NewReader(bytes.NewReader(wire))
	h, err := r.Peek()
	if err != nil || h != (Header{TypeBeginRequest, 1, 8, 0}) {
		t.Fatalf("Peek: %+v, %v", h, err)
	}
	if !bytes.Equal(r.Buffered(), wire) || !r.AtBoundary() {
		t.Error("Peek consumed")
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Buffered(), wire[16:]) {
		t.Error("Buffered is not what follows")
	}
	r.Release()
	if r.buf == nil {
		t.Error("Release dropped octets")
	}
	if _, err := records(r); err != io.EOF {
		t.Fatal(err)
	}
	r.Release()
	if r.buf != nil || r.Buffered() != nil {
		t.Error("Release kept an empty buffer")
	}
}
