package load

import (
	"errors"
	"strings"
	"testing"

	"github.com/bident/bident/internal/fcgi"
)

// said makes an answer: one record of FCGI_STDOUT, its end and FCGI_END_REQUEST.
func said(cgi string, end fcgi.EndRequest) string {
	b := fcgi.AppendStream(nil, fcgi.TypeStdout, requestID, []byte(cgi))
	b = fcgi.AppendStreamEnd(b, fcgi.TypeStdout, requestID)
	return string(fcgi.AppendEnd(b, requestID, end))
}

// record makes one record, with padding.
func record(t fcgi.Type, id uint16, content string, padding uint8) string {
	return string(fcgi.AppendPadded(nil, t, id, []byte(content), padding))
}

const cgiHello = "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"

var complete = string(fcgi.AppendEnd(nil, requestID, fcgi.EndRequest{}))

// take reads one answer from octets, shown in pieces of at most step octets.
func take(r *records, octets string, step int) (taken int, whole bool, err error) {
	r.next()
	for shown := 0; ; shown = min(len(octets), shown+step) {
		n, whole, err := r.advance([]byte(octets[taken:shown]))
		taken += n
		if err != nil || whole {
			return taken, whole, err
		}
		if shown == len(octets) {
			_, err := r.eof()
			return taken, false, err
		}
	}
}

func TestRecordsFraming(t *testing.T) {
	r := &records{verify: true, expect: []byte("hello\n")}
	halves := strings.SplitAfter(cgiHello, "Len")
	for name, test := range map[string]struct {
		octets string
		status int
	}{
		"one record":            {said(cgiHello, fcgi.EndRequest{}), 200},
		"line feeds alone":      {said("Status: 404 Not Found\nX: y\n\nhello\n", fcgi.EndRequest{}), 404},
		"status without reason": {said("status:201\n\nhello\n", fcgi.EndRequest{}), 201},
		"location":              {said("Location: /x\r\n\r\nhello\n", fcgi.EndRequest{}), 302},
		"in pieces, padded, and with errors": {record(fcgi.TypeStderr, 1, "oh", 6) + record(fcgi.TypeStdout, 1, halves[0], 255) +
			record(fcgi.TypeStderr, 1, "", 0) + record(fcgi.TypeStdout, 1, halves[1], 1) + record(fcgi.TypeStdout, 1, "", 8) +
			record(fcgi.TypeEndRequest, 1, "\x00\x00\x00\x00\x00\x00\x00\x00", 9), 200},
		"no end of the stream": {record(fcgi.TypeStdout, 1, cgiHello, 0) + complete, 200},
	} {
		for _, step := range []int{1, 3, 7, 1000} {
			n, whole, err := take(r, test.octets, step)
			o := r.outcome()
			if err != nil || !whole || n != len(test.octets) || o.status != test.status || o.size != 6 || o.differs || o.refused != nil || o.failed != nil {
				t.Errorf("%s by %d: %d octets, %v, %v, %+v", name, step, n, whole, err, o)
			}
		}
	}
	if _, whole, err := take(r, said("X: y\n\nhallo\n", fcgi.EndRequest{AppStatus: 3}), 9); err != nil || !whole || !r.outcome().differs || r.outcome().failed == nil {
		t.Errorf("another body, and a status of its own: %v, %+v", err, r.outcome())
	}
	if _, whole, err := take(r, string(fcgi.AppendEnd(nil, 1, fcgi.EndRequest{ProtocolStatus: fcgi.Overloaded})), 9); err != nil || !whole || r.outcome().refused == nil {
		t.Errorf("refused: %v, %+v", err, r.outcome())
	}
	if _, _, err := take(r, string(fcgi.AppendEnd(nil, 1, fcgi.EndRequest{ProtocolStatus: 200})), 9); err != nil || r.outcome().refused == nil {
		t.Errorf("refused without a reason: %v, %+v", err, r.outcome())
	}
	head := &records{toHEAD: true}
	if _, whole, err := take(head, said("Content-Length: 6\n\n", fcgi.EndRequest{}), 5); err != nil || !whole {
		t.Errorf("HEAD: %v, %v", whole, err)
	}
}

func TestRecordsRefuse(t *testing.T) {
	for name, octets := range map[string]string{
		"version":                "\x02\x06",
		"HTTP":                   hello,
		"another request":        record(fcgi.TypeStdout, 2, cgiHello, 0),
		"management":             record(fcgi.TypeUnknownType, 0, "12345678", 0),
		"what the server sends":  record(fcgi.TypeStdin, 1, "x", 0),
		"after the end":          record(fcgi.TypeStdout, 1, cgiHello, 0) + record(fcgi.TypeStdout, 1, "", 0) + record(fcgi.TypeStdout, 1, "x", 0),
		"short end":              record(fcgi.TypeStdout, 1, cgiHello, 0) + record(fcgi.TypeEndRequest, 1, "1234567", 0),
		"long end":               record(fcgi.TypeStdout, 1, cgiHello, 0) + record(fcgi.TypeEndRequest, 1, "123456789", 0),
		"nothing":                complete,
		"half a head":            said("X: y\n", fcgi.EndRequest{}),
		"no field":               said("\n\nhello", fcgi.EndRequest{}),
		"no name":                said("hello\n\n", fcgi.EndRequest{}),
		"control":                said("X: \x00\n\n", fcgi.EndRequest{}),
		"two statuses":           said("Status: 200\nStatus: 200\n\n", fcgi.EndRequest{}),
		"status 1xx":             said("Status: 101 Switching\n\n", fcgi.EndRequest{}),
		"status of four":         said("Status: 2000\n\n", fcgi.EndRequest{}),
		"coded":                  said("Transfer-Encoding: chunked\n\n0\r\n\r\n", fcgi.EndRequest{}),
		"two lengths":            said("Content-Length: 1\nContent-Length: 1\n\nx", fcgi.EndRequest{}),
		"shorter than it says":   said("Content-Length: 2\n\nx", fcgi.EndRequest{}),
		"longer than it says":    said("Content-Length: 1\n\nxy", fcgi.EndRequest{}),
		"a head without a limit": record(fcgi.TypeStdout, 1, strings.Repeat("x", 60000), 0) + record(fcgi.TypeStdout, 1, strings.Repeat("x", 60000), 0),
	} {
		for _, step := range []int{1, 1 << 20} {
			if _, whole, err := take(new(records), octets, step); whole || !errors.Is(err, errFraming) {
				t.Errorf("%s by %d: %v, %v", name, step, whole, err)
			}
		}
	}
	whole := said(cgiHello, fcgi.EndRequest{})
	for end := range len(whole) {
		want := errEarly
		if end == 0 {
			want = errLost
		}
		if _, _, err := take(new(records), whole[:end], 1000); err != want {
			t.Errorf("cut after %d octets: %v", end, err)
		}
	}
}

// FuzzRecords: whatever comes, and in whatever pieces, is understood as the same,
// and no more is taken than there is.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(said(cgiHello, fcgi.EndRequest{})), 3)
	f.Add([]byte(record(fcgi.TypeStdout, 1, cgiHello[:9], 3)+record(fcgi.TypeStdout, 1, cgiHello[9:], 0)+complete), 5)
	f.Add([]byte(record(fcgi.TypeStderr, 1, "x", 1)+complete), 1)
	f.Fuzz(func(t *testing.T, octets []byte, step int) {
		if step < 1 {
			step = 1
		}
		pieces, once := new(records), new(records)
		n, whole, err := take(pieces, string(octets), step)
		m, again, other := take(once, string(octets), len(octets)+1)
		if n > len(octets) || whole != again || (err == nil) != (other == nil) || whole && n != m {
			t.Fatalf("by %d: %d, %v, %v; at once: %d, %v, %v", step, n, whole, err, m, again, other)
		}
		if a, b := pieces.outcome(), once.outcome(); whole && (a.status != b.status || a.size != b.size) {
			t.Fatalf("by %d: %+v; at once: %+v", step, a, b)
		}
	})
}
