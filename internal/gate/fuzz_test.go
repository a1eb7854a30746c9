package gate

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// heads that two parsers have disagreed about somewhere.
var vectors = []string{
	get(""), old(""), get("Content-Length: 5\r\n") + "hello", get("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
	"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
	get("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\nG", get("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
	get("Transfer-Encoding: xchunked\r\n"), get("Transfer-Encoding : chunked\r\n"), get("Transfer-Encoding:\tchunked\r\n"), get("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
	get(" Transfer-Encoding: chunked\r\n"), get("X: x\nTransfer-Encoding: chunked\r\n"), get("Transfer-Encoding\r\n : chunked\r\n"), get("Transfer-Encoding:\x0bchunked\r\n"),
	get("Transfer_Encoding: chunked\r\nContent_Length: 3\r\n"), get("Transfer-Encoding: identity\r\nContent-Length: 3\r\n"), get("Transfer-Encoding: \"chunked\"\r\n"),
	get("Transfer-Encoding: chunked, identity\r\n"), get("Transfer-Encoding: identity, chunked\r\n"), get("X: y\r\n\tTransfer-Encoding: chunked\r\n"), get("Transfer-Encoding: \r\n chunked\r\n"),
	get("Content-Length: 5\r\nContent-Length: 6\r\n"), get("Content-Length: 5, 5\r\n"), get("Content-Length: +5\r\n"), get("Content-Length: 0x5\r\n"), get("Content-Length: 5 \t\r\n"),
	get("Content-Length: 05\r\n"), get("Content-Length:\r\n"), get("Content-Length: 9223372036854775808\r\n"), get("Content-Length: 18446744073709551621\r\n"), get("Content-Length\x00: 5\r\n"),
	get("Content-Length : 5\r\n"), get("Content-Length: 5\rX: y\r\n"), get("Content-Length: 5\x00\r\n"), get("Host: b\r\n"), "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET http://b:80?x=/y HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
	"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\n\nX: y\r\n\r\n", "GET /\r\n", "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01", "GET /%00?%%%#x HTTP/1.1\r\nHost: a\r\n\r\n", "GET //b/../c HTTP/1.1\r\nHost: a\r\n\r\n",
	get("Connection: close, keep-alive\r\n"), old("Connection: x,\tkeep-alive\r\n"), get("Connection: close\r\nConnection: keep-alive\r\n"), get("Expect: 100-continue\r\nContent-Length: 1\r\n") + "x",
	get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"), get("Trailer: a,,b\r\n"), get("Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n"),
	get("_a: b\r\n-c: d\r\n9: 8\r\n"), get("a:\r\nb: \r\nc:  d  \r\n"), get(":\r\n"), get("\x80: a\r\n"), get("A: \x80\xff\t\r\n"), heads["120"], heads["post"], heads["browser"],
}

// bodies are the same for chunked bodies.
var bodies = []string{
	"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5;a=b;c=\"d\\\"\"\r\nhello\r\n0;x\r\nA: b\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
	"0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "05\r\nhello\r\n00\r\n\r\n", "000000000000000000005\r\nhello\r\n0\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n", "ffffffffffffffff\r\n",
	"2\r\n\r\n\r\n0\r\n\r\n", "5;\r\nhello\r\n0\r\n\r\n", "5;\nx\r\nhello\r\n0\r\n\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n", "5 ;a\r\nhello\r\n0\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\nhello", "0\r\nA: b\r\n c\r\n\r\n",
	"0\r\nA : b\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\nX_y:\t\x80z \r\n_:\r\n\r\n", "0\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\rX", "5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "a\r\n0123456789\r\nA;b = c\r\n0123456789\r\n0\r\n\r\n",
	"0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "0\r\nx-forwarded-for: a\r\n\r\n", "1\r\na\r\n0\r\n\r\n0\r\n\r\n", "0;a=\"\r\n\r\n\"\r\n\r\n", "1;a=\t\"b\" ;c\r\na\r\n0\r\n\r\n",
}

const (
	fuzzMax  = 16 << 10
	fuzzBuff = 64 << 10
)

func fuzzReader(b []byte) (*bufio.Reader, *bytes.Reader) {
	src := bytes.NewReader(b)
	return bufio.NewReaderSize(src, fuzzBuff), src
}

// rest counts what a reader has not used.
func rest(br *bufio.Reader, src *bytes.Reader) int { return br.Buffered() + src.Len() }

// FuzzHead: what the gate takes, fasthttp and net/http take for the same head;
// how the octets are cut changes nothing.
func FuzzHead(f *testing.F) {
	for i, s := range vectors {
		f.Add([]byte(s), uint16(i*7))
		f.Add([]byte("\r\n"+s+s), uint16(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		for _, max := range []int{fuzzMax, 64} {
			var h Head
			done, err := h.Parse(b, max)
			splitHead(t, b, int(cut)%(len(b)+1), max, &h, done, err)
			if len(b) < 256 {
				parse(t, string(b), max)
			}
			if done {
				fastAgrees(t, b, &h)
				netAgrees(t, b, &h)
			}
		}
	})
}

// splitHead demands the same verdict when b arrives in two parts.
func splitHead(t *testing.T, b []byte, cut, max int, h *Head, done bool, err *Error) {
	t.Helper()
	var s Head
	d, e := s.Parse(bytes.Clone(b[:cut]), max)
	if !d && e == nil {
		d, e = s.Parse(b, max)
	} else if d {
		// The slices alias the first part.
		if s.Size > cut {
			t.Fatalf("a head of %d octets in %d", s.Size, cut)
		}
	}
	if d != done || e != err {
		t.Fatalf("%q: at once %v %v, cut at %d %v %v", b, done, err, cut, d, e)
	}
	if done {
		same(t, h, &s)
	}
}

func fastAgrees(t *testing.T, b []byte, h *Head) {
	t.Helper()
	var fh fasthttp.RequestHeader
	br, src := fuzzReader(b)
	if err := fh.Read(br); err != nil {
		t.Fatalf("fasthttp refuses %q: %v", b, err)
	}
	if got := len(b) - rest(br, src); got != h.Size {
		t.Fatalf("%q: fasthttp's head has %d octets, ours %d", b, got, h.Size)
	}
	length := int64(fh.ContentLength())
	if length == -2 {
		length = 0
	}
	if length != h.Length || !bytes.Equal(fh.Method(), h.Method) || !bytes.Equal(fh.RequestURI(), h.Target) || fh.IsHTTP11() != (h.Minor == 1) {
		t.Fatalf("%q: fasthttp %d %q %q, ours %+v", b, length, fh.Method(), fh.RequestURI(), h)
	}
	if (h.Form == Origin || h.Form == Asterisk) && !bytes.Equal(fh.Host(), h.Host) {
		t.Fatalf("%q: fasthttp's host %q, ours %q", b, fh.Host(), h.Host)
	}
	// fasthttp is right about the end of the connection where there is one
	// Connection field with one option in the usual spelling.
	lower := bytes.ToLower(b[:h.Size])
	if n := bytes.Count(lower, []byte("connection:")); n == 0 || n == 1 &&
		(bytes.Contains(b[:h.Size], []byte("\r\nConnection: close\r\n")) || bytes.Contains(b[:h.Size], []byte("\r\nConnection: keep-alive\r\n"))) {
		if fh.ConnectionClose() != h.Close {
			t.Fatalf("%q: fasthttp closes: %v, ours %v", b, fh.ConnectionClose(), h.Close)
		}
	}
}

func netAgrees(t *testing.T, b []byte, h *Head) {
	t.Helper()
	br, src := fuzzReader(b[h.Skip:])
	r, err := http.ReadRequest(br)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", b, err)
	}
	if got := len(b) - rest(br, src); got != h.Size {
		t.Fatalf("%q: net/http's head has %d octets, ours %d", b, got, h.Size)
	}
	chunked := len(r.TransferEncoding) == 1 && r.TransferEncoding[0] == "chunked"
	if r.ContentLength != h.Length || chunked != (h.Length == -1) || r.Close != h.Close || r.Host != string(h.Host) ||
		r.Method != string(h.Method) || r.RequestURI != string(h.Target) || r.ProtoMajor != 1 || r.ProtoMinor != h.Minor {
		t.Fatalf("%q: net/http %d %v %v %q %q %q, ours %+v", b, r.ContentLength, chunked, r.Close, r.Host, r.Method, r.RequestURI, h)
	}
}

// chunkedHead goes before the bodies that the other parsers read.
const chunkedHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

// FuzzChunks: what the gate takes for a chunked body, fasthttp and net/http
// take for the same content of the same size.
func FuzzChunks(f *testing.F) {
	for i, s := range bodies {
		f.Add([]byte(s), uint16(i))
		f.Add([]byte(s+"GET / HTTP/1.1\r\n"), uint16(3*i))
	}
	f.Fuzz(func(t *testing.T, b []byte, step uint16) {
		if len(b) > fuzzMax {
			return
		}
		data, trailer, size, done, err := decode(t, string(b), len(b)+1, testTrailer)
		for _, n := range []int{1, int(step)%(len(b)+1) + 1} {
			d, tr, s, ok, e := decode(t, string(b), n, testTrailer)
			if d != data || tr != trailer || s != size || ok != done || e != err {
				t.Fatalf("%q: at once %q %q %d %v %v, by %d octets %q %q %d %v %v", b, data, trailer, size, done, err, n, d, tr, s, ok, e)
			}
		}
		if !done {
			return
		}
		whole := append([]byte(chunkedHead), b...)
		br, src := fuzzReader(whole)
		body := fastBody(t, br)
		if n := len(b) - rest(br, src); n != size || string(body) != data {
			t.Fatalf("%q: fasthttp %q in %d octets, ours %q in %d", b, body, n, data, size)
		}
		br, src = fuzzReader(whole)
		body, header := netBody(t, br)
		if n := len(b) - rest(br, src); n != size || string(body) != data {
			t.Fatalf("%q: net/http %q in %d octets, ours %q in %d", b, body, n, data, size)
		}
		sameTrailer(t, trailer, header)
	})
}

// sameTrailer demands that net/http has found the fields of our section.
func sameTrailer(t *testing.T, trailer string, header http.Header) {
	t.Helper()
	n := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(trailer, "\r\n"), "\r\n") {
		if line == "" {
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		n++
		found := false
		for _, v := range header.Values(name) {
			found = found || v == strings.Trim(value, " \t")
		}
		if !found {
			t.Fatalf("%q: net/http has no %q: %q", trailer, line, header)
		}
	}
	for _, values := range header {
		n -= len(values)
	}
	if n != 0 {
		t.Fatalf("%q: net/http has %q", trailer, header)
	}
}

func fastBody(t *testing.T, br *bufio.Reader) []byte {
	t.Helper()
	var r fasthttp.Request
	if err := r.Header.Read(br); err != nil {
		t.Fatalf("fasthttp refuses the head: %v", err)
	}
	if err := r.ContinueReadBody(br, 0, false); err != nil {
		t.Fatalf("fasthttp refuses the body: %v", err)
	}
	return r.Body()
}

func netBody(t *testing.T, br *bufio.Reader) ([]byte, http.Header) {
	t.Helper()
	r, err := http.ReadRequest(br)
	if err != nil {
		t.Fatalf("net/http refuses the head: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("net/http refuses the body: %v", err)
	}
	return body, r.Trailer
}

// FuzzPipeline: in a sequence of requests every parser sees the same borders.
func FuzzPipeline(f *testing.F) {
	for i, s := range vectors {
		f.Add([]byte(s + vectors[(i*5+3)%len(vectors)] + get("")))
		f.Add([]byte(get("Content-Length: 5\r\n") + "hello" + s + get("")))
	}
	for _, s := range bodies {
		f.Add([]byte(chunkedHead + s + get("")))
		f.Add([]byte(chunkedHead + s + "\r\n" + chunkedHead + s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > fuzzMax {
			return
		}
		fast, fastSrc := fuzzReader(b)
		std, stdSrc := fuzzReader(b)
		for at := 0; at < len(b); {
			var h Head
			done, err := h.Parse(b[at:], fuzzMax)
			if !done || err != nil {
				return
			}
			var data []byte
			end := at + h.Size
			switch {
			case h.Length < 0:
				content, _, size, done, err := decode(t, string(b[end:]), len(b), testTrailer)
				if !done || err != nil {
					return
				}
				data, end = []byte(content), end+size
			case h.Length > int64(len(b)-end):
				return
			default:
				data, end = b[end:end+int(h.Length)], end+int(h.Length)
			}
			if body := fastBody(t, fast); len(b)-rest(fast, fastSrc) != end || !bytes.Equal(body, data) {
				t.Fatalf("%q: fasthttp at %d with %q, ours at %d with %q", b, len(b)-rest(fast, fastSrc), body, end, data)
			}
			if _, err := std.Discard(h.Skip); err != nil {
				t.Fatal(err)
			}
			if body, _ := netBody(t, std); len(b)-rest(std, stdSrc) != end || !bytes.Equal(body, data) {
				t.Fatalf("%q: net/http at %d with %q, ours at %d with %q", b, len(b)-rest(std, stdSrc), body, end, data)
			}
			at = end
		}
	})
}

// FuzzIPv6: our reading of an address is that of net/netip.
func FuzzIPv6(f *testing.F) {
	for _, s := range []string{"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1::2::3", ":::", "12345::", "::1.2.3.04", "1:", ":1", "::1.2.3.4:5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := netip.ParseAddr(s)
		if want := err == nil && a.Is6() && a.Zone() == ""; isIPv6([]byte(s)) != want && !strings.Contains(s, "%") {
			t.Fatalf("%q: want %v", s, want)
		}
	})
}
