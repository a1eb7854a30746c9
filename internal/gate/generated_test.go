package gate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// pieces of heads. A generated head takes most places from the first entries,
// which are well-formed, so that many are taken by the gate.
var (
	lineEnds = []string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", " \r\n", "\r\n ", "\x00\r\n"}
	methods  = []string{"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "get", "M-SEARCH", "A.B_C", "", "G\tT", "G:T"}
	targets  = []string{"/", "/a/b?c=d", "*", "http://h/", "HTTP://h:80?x", "h:443", "//a", "/%41", "/%zz", "/?%zz", "/a:b", "https://[::1]:1/x", "http://u@h/", "/\x80", "/#", "", "http://a_b~!$&'()*+,;=/", "/{}|\\^`\"<>", "http:/a"}
	versions = []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "HTTP/1"}
	names    = []string{"Content-Length", "Transfer-Encoding", "Connection", "Expect", "Trailer", "Upgrade", "Host", "X-A", "_a", "9", "-", "content-length", "TRANSFER-encoding", "Content_Length", "Content-Length ", " Content-Length", "Content-Length\t", "Content-Lengt\x88", "", "Transfer\x0dEncoding", "Keep-Alive", "Cookie", "User-Agent", "Pragma"}
	values   = []string{"0", "5", "05", "chunked", "Chunked", "close", "keep-alive", "close, keep-alive", "x,\tKeep-Alive", "100-continue", "a", "", "h", "h:80", "[::1]", "upgrade", "a, b", "gzip, chunked", "chunked, chunked", "identity", "+5", "5,5", "5 5", "0x5", "5\x00", "h h", "h:x", "99999999999999999999", "\x80", "\x0bchunked", "chunked;a=b", "no-cache", "Content-Length", "a,", "\x01"}
	spaces   = []string{"", " ", " ", " ", " ", "\t", "  \t ", "\x0c"}
	rests    = []string{"", "5\r\nhello\r\n0\r\n\r\n", "hello", "0\r\n\r\n", "hello" + get(""), "0\r\nA: b\r\n\r\n" + get(""), "0" + get("")}
)

// pick prefers the first third of choices.
func pick(r *rand.Rand, choices []string) string {
	if r.IntN(8) > 0 {
		return choices[r.IntN(len(choices)/3+1)]
	}
	return choices[r.IntN(len(choices))]
}

func generate(r *rand.Rand) string {
	var b strings.Builder
	for r.IntN(10) == 0 {
		b.WriteString(pick(r, lineEnds))
	}
	fmt.Fprintf(&b, "%s %s %s%s", pick(r, methods), pick(r, targets), pick(r, versions), pick(r, lineEnds))
	if r.IntN(10) > 0 {
		b.WriteString("Host: h" + pick(r, lineEnds))
	}
	for range r.IntN(4) {
		b.WriteString(pick(r, names))
		b.WriteString(":")
		b.WriteString(pick(r, spaces))
		// Any value, so that each framing field meets those of the others.
		b.WriteString(values[r.IntN(len(values))])
		b.WriteString(pick(r, spaces))
		b.WriteString(pick(r, lineEnds))
	}
	b.WriteString(pick(r, lineEnds))
	b.WriteString(rests[r.IntN(len(rests))])
	return b.String()
}

// TestGeneratedHeads does what FuzzHead does with heads that are put together
// from pieces: more of them come close to the border.
func TestGeneratedHeads(t *testing.T) {
	r := rand.New(rand.NewPCG(9110, 9112))
	taken := 0
	const n = 20000
	for range n {
		s := generate(r)
		h, done, _ := parse(t, s, testMax)
		if done {
			taken++
			fastAgrees(t, []byte(s), &h)
			netAgrees(t, []byte(s), &h)
		}
	}
	if taken < n/20 || taken > n-n/20 {
		t.Errorf("the gate takes %d of %d: the pieces say little", taken, n)
	}
}
