package load

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// framed is what a stream of octets was understood as.
type framed struct {
	whole, eof bool
	taken      int
	status     int
	size       int64
	closes     bool
	err        error
}

// frame reads one answer from octets, shown to the reader in pieces of at most
// step octets, and the end of file behind them.
func frame(octets []byte, toHEAD bool, step int) framed {
	a := answer{toHEAD: toHEAD}
	result := framed{}
	for shown := 0; ; {
		n, whole, err := a.advance(octets[result.taken:shown])
		result.taken += n
		if err != nil || whole {
			result.whole, result.err = whole, err
			break
		}
		if shown == len(octets) {
			result.whole, result.err = a.eof()
			result.eof = true
			break
		}
		shown = min(len(octets), shown+step)
	}
	result.status, result.size, result.closes = a.head.status, a.size, a.closes
	return result
}

func TestAnswerFraming(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, test := range []struct {
		octets string
		size   int64
		closes bool
	}{
		{ok + "Content-Length: 5\r\n\r\nhello", 5, false},
		{ok + "content-length:5 \r\n\r\nhello", 5, false},
		{"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 0, false},
		{ok + "Connection: keep-alive, CLOSE\r\nContent-Length: 0\r\n\r\n", 0, true},
		{"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 1, true},
		{"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", 1, false},
		{ok + "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 13, false},
		{ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n", 0, false},
		{"HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", 1, false},
		{"HTTP/1.1 204 No Content\r\n\r\n", 0, false},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 0, false},
	} {
		for _, step := range []int{1, 2, 7, 1000} {
			got := frame([]byte(test.octets), false, step)
			if !got.whole || got.err != nil || got.taken != len(test.octets) || got.size != test.size || got.closes != test.closes {
				t.Errorf("%q by %d: %+v", test.octets, step, got)
			}
		}
	}
	if got := frame([]byte(ok+"\r\nabc"), false, 1); !got.whole || !got.eof || got.size != 3 || !got.closes {
		t.Errorf("until close: %+v", got)
	}
	if got := frame([]byte(ok+"Content-Length: 9\r\n\r\n"), true, 1); !got.whole || got.size != 0 {
		t.Errorf("HEAD: %+v", got)
	}
}

func TestAnswerRefuses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, octets := range []string{
		"x", "HTTP/1.1 200 OK\n\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.1 200\r\n", "HTTP/1.1  200 OK\r\n", "HTTP/1.1 20x OK\r\n",
		"HTTP/1.1 099 OK\r\n", "HTTP/1.1 600 OK\r\n", "http/1.1 200 OK\r\n", "\r\n" + ok, "HTTP/1.1 200 O\x00K\r\n",
		ok + "A\r\n", ok + ": b\r\n", ok + "A : b\r\n", ok + "A: b\r\n c\r\n", ok + "A: b\rc\r\n", ok + "A: b\x00\r\n",
		ok + "Content-Length: \r\n", ok + "Content-Length: +1\r\n", ok + "Content-Length: 1, 1\r\n", ok + "Content-Length: -1\r\n",
		ok + "Content-Length: 9999999999999999999\r\n", ok + "Content-Length: 0x1\r\n",
		ok + "Content-Length: 1\r\nContent-Length: 1\r\n", ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		ok + "Transfer-Encoding: gzip, chunked\r\n", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		ok + "Transfer-Encoding: identity\r\n", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 Go\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 101 Go\r\n\r\n",
		ok + "Transfer-Encoding: chunked\r\n\r\n\r\n", ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", ok + "Transfer-Encoding: chunked\r\n\r\n1 \r\n",
		ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\nb", ok + "Transfer-Encoding: chunked\r\n\r\n1\n",
		ok + "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", ok + "Transfer-Encoding: chunked\r\n\r\n1;\x01\r\n",
		ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nA\r\n\r\n", ok + "Transfer-Encoding: chunked\r\n\r\n?",
		ok + "A: " + strings.Repeat("b", maxHead), ok + strings.Repeat("A: b\r\n", maxHead/6),
	} {
		for _, step := range []int{1, 1000} {
			if got := frame([]byte(octets), false, step); !errors.Is(got.err, errFraming) {
				t.Errorf("%.80q by %d: %+v", octets, step, got)
			}
		}
	}
}

// FuzzAnswer: any octets are understood the same however they are split, never
// read beyond their end, and an answer found whole is one for net/http too, with
// the same status and length.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		hello, hello + hello, "HTTP/1.1 100 Continue\r\n\r\n" + hello, "HTTP/1.0 200 OK\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\nrest",
		"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", "HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n",
	} {
		f.Add([]byte(seed), false, 1)
		f.Add([]byte(seed), true, 5)
	}
	f.Fuzz(func(t *testing.T, octets []byte, toHEAD bool, step int) {
		step = max(1, min(step, 1<<10))
		got, again := frame(octets, toHEAD, len(octets)+1), frame(octets, toHEAD, step)
		if got.taken < 0 || got.taken > len(octets) {
			t.Fatalf("took %d of %d", got.taken, len(octets))
		}
		if (got.err == nil) != (again.err == nil) || got.err == nil && got != again {
			t.Fatalf("at once %+v, by %d %+v", got, step, again)
		}
		if got.err != nil {
			return
		}
		request := &http.Request{Method: "GET"}
		if toHEAD {
			request.Method = "HEAD"
		}
		stream := bufio.NewReader(bytes.NewReader(octets))
		var response *http.Response
		for {
			var err error
			if response, err = http.ReadResponse(stream, request); err != nil {
				t.Fatalf("%+v, but net/http says: %v", got, err)
			}
			if response.StatusCode >= 200 {
				break
			}
		}
		size, err := io.Copy(io.Discard, response.Body)
		if err != nil && !strings.Contains(err.Error(), "chunked encoding contains too much non-data") {
			t.Fatalf("%+v, but net/http says: %v", got, err)
		}
		if err == nil && (response.StatusCode != got.status || size != got.size) {
			t.Fatalf("%+v, but net/http reads status %d and %d octets", got, response.StatusCode, size)
		}
	})
}
