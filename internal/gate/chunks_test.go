package gate

import (
	"bytes"
	"strings"
	"testing"
)

const testTrailer = 4096

// decode takes the chunked body at the start of s apart, given in pieces of
// step octets, and tells how many octets it has.
func decode(t testing.TB, s string, step, maxTrailer int) (data, trailer string, size int, done bool, err *Error) {
	t.Helper()
	var c Chunks
	c.Reset(maxTrailer)
	var content []byte
	for from := 0; from < len(s); from += step {
		piece := []byte(s[from:min(from+step, len(s))])
		for len(piece) > 0 {
			part, n, done, err := c.Next(piece)
			if err != nil {
				if _, n, done, again := c.Next(piece); again != err || n != 0 || done {
					t.Fatalf("%q: error is not final", s)
				}
				return "", "", 0, false, err
			}
			content = append(content, part...)
			size += n
			if done {
				if part, n, done, err := c.Next(piece[n:]); len(part) != 0 || n != 0 || !done || err != nil {
					t.Fatalf("%q: done is not final", s)
				}
				return string(content), string(c.Trailer()), size, true, nil
			}
			if n == 0 {
				t.Fatalf("%q: nothing used of %q", s, piece)
			}
			piece = piece[n:]
		}
	}
	if part, n, done, err := c.Next(nil); len(part) != 0 || n != 0 || done || err != nil {
		t.Fatalf("%q: something out of nothing", s)
	}
	return string(content), "", size, false, nil
}

// chunks decodes at once and octet by octet and demands the same.
func chunks(t testing.TB, s string, maxTrailer int) (data, trailer string, size int, done bool, err *Error) {
	t.Helper()
	data, trailer, size, done, err = decode(t, s, len(s)+1, maxTrailer)
	for _, step := range []int{1, 2, 3, 7} {
		d, tr, n, ok, e := decode(t, s, step, maxTrailer)
		if d != data || tr != trailer || n != size || ok != done || e != err {
			t.Fatalf("%q: at once %q %q %d %v %v, by %d octets %q %q %d %v %v", s, data, trailer, size, done, err, step, d, tr, n, ok, e)
		}
	}
	return
}

func takeChunks(t *testing.T, s, wantData, wantTrailer string) {
	t.Helper()
	const next = "GET / HTTP/1.1\r\n"
	data, trailer, size, done, err := chunks(t, s+next, testTrailer)
	if err != nil || !done || data != wantData || trailer != wantTrailer || size != len(s) {
		t.Errorf("%q: %q %q %d %v %v", s, data, trailer, size, done, err)
	}
}

func refuseChunks(t *testing.T, status int, s string) {
	t.Helper()
	_, _, _, done, err := chunks(t, s, testTrailer)
	if err == nil || err.Status != status {
		t.Errorf("%q: done %v, error %v, want %d", s, done, err, status)
	}
}

func TestRFC9112_7_1_Chunks(t *testing.T) {
	takeChunks(t, "0\r\n\r\n", "", "")
	takeChunks(t, "000000000000000\r\n\r\n", "", "")
	takeChunks(t, "1\r\na\r\n0\r\n\r\n", "a", "")
	takeChunks(t, "00000000000000A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "")
	takeChunks(t, "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "")
	takeChunks(t, "aB\r\n"+strings.Repeat("x", 0xab)+"\r\n2\r\nyz\r\n00\r\n\r\n", strings.Repeat("x", 0xab)+"yz", "")
}

func TestRFC9112_7_1_ChunkSize(t *testing.T) {
	for _, line := range []string{
		"", " 1", "+1", "-1", "0x1", "x", "1 ", "1\t", "g", "1g", "1\x00", "\x001", "_1", "1_0", "1,2", "\xb1", "0000000000000001", "fffffffffffffffff", "1 ;a", "1\t;a",
	} {
		refuseChunks(t, 400, line+"\r\na\r\n0\r\n\r\n")
	}
	// The largest size is reported as such: nothing overflows.
	var c Chunks
	if _, n, done, err := c.Next([]byte("fffffffffffffff\r\n")); n != 17 || done || err != nil || c.left != 1<<60-1 {
		t.Fatal(n, done, err, c.left)
	}
}

func TestRFC9112_7_1_ChunkLineEnds(t *testing.T) {
	for _, s := range []string{
		"1\na\r\n0\r\n\r\n", "1\ra\r\n0\r\n\r\n", "1\r\r\na\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1\r\na\r0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "1\r\na0\r\n\r\n",
		"2\r\na\r\n0\r\n\r\n", "1\r\na\r\n\r\n0\r\n\r\n", "0\n\r\n", "0\r\n\n", "0\r\n\r\r\n", "1\r\na\r\n0\r\n\rX", "1;a\na\r\n0\r\n\r\n", "\r\n1\r\na\r\n0\r\n\r\n",
	} {
		refuseChunks(t, 400, s)
	}
}

func TestRFC9112_7_1_1_Extensions(t *testing.T) {
	for _, x := range []string{
		";a", ";a=b", ";a=\"\"", ";a=\"b;c\\\"\td\x80\"", ";a;b=c;d=\"e\"", "; a = b ; c\t=\t\"d\" ;e", ";!#=~|", ";\ta", ";a=\"\\\t\"", ";a  ;b \t= \tc  ;d",
	} {
		takeChunks(t, "1"+x+"\r\na\r\n0"+x+"\r\n\r\n", "a", "")
	}
	for _, x := range []string{
		";", ";;a", ";a;", ";=b", ";a=", ";a=;b", ";a ", ";a=b ", ";a=\"b\" ", ";a=\"b", ";a=\"b\"c", ";a=b\"c\"", ";a b", ";a=b c", ";a=\"\x00\"", ";a=\"\x7f\"", ";a=\"\\\x01\"", ";a\x00",
		";\x80", ";a=\"\r\n\"", ";a=\"\n\"", ";a==b", ";a=b=c", ";a \r", ";a\n", ";a,b", ";a=\"b\"\"c\"", ";a=\"b\" c",
	} {
		refuseChunks(t, 400, "1"+x+"\r\na\r\n0\r\n\r\n")
	}
}

func TestRFC9112_7_1_1_ExtensionsTooLong(t *testing.T) {
	line := "1;" + strings.Repeat("a", maxSizeLine-2)
	takeChunks(t, line+"\r\na\r\n0\r\n\r\n", "a", "")
	refuseChunks(t, 400, line+"a\r\na\r\n0\r\n\r\n")
	refuseChunks(t, 400, "1;a=\""+strings.Repeat(" ", maxSizeLine))
	line += "\r\na\r\n"
	n := maxExtensions / (maxSizeLine - 1)
	takeChunks(t, strings.Repeat(line, n)+"0\r\n\r\n", strings.Repeat("a", n), "")
	refuseChunks(t, 400, strings.Repeat(line, n+1)+"0\r\n\r\n")
}

func TestRFC9112_7_1_2_TrailerSection(t *testing.T) {
	for _, s := range []string{"A: b\r\n", "X-Sum:\t1\r\nb_c:\r\n", "A: \x80 b\tc\r\n", "Hosts: a\r\nX-Real: b\r\n"} {
		takeChunks(t, "1\r\na\r\n0\r\n"+s+"\r\n", "a", s)
	}
	for _, s := range []string{
		" A: b\r\n", "\tA: b\r\n", "A: b\r\n c\r\n", "A : b\r\n", ": b\r\n", "A\r\n", "A b: c\r\n", "A: b\n", "A: b\rc\r\n", "A: \x00\r\n", "A: \x7f\r\n", "A:b\r\r\n", "\xc3: a\r\n",
		"A\n", "\n", "\rA: b\r\n", "A: b\r\n\n", "A: b\r\n\rB: c\r\n",
	} {
		refuseChunks(t, 400, "1\r\na\r\n0\r\n"+s+"\r\n")
	}
}

func TestRFC9110_6_5_1_FieldsThatAreNoTrailers(t *testing.T) {
	for _, name := range []string{
		"Content-Length", "transfer-encoding", "HOST", "Trailer", "TE", "Connection", "Keep-Alive", "Upgrade", "Expect", "Authorization", "Cookie", "Set-Cookie",
		"Content-Type", "Content-Encoding", "Content-Range", "Range", "Cache-Control", "Max-Forwards", "Location", "Proxy-Authorization", "Proxy-Authenticate",
		"Proxy-Connection", "WWW-Authenticate", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded", "X-Real-IP",
	} {
		refuseChunks(t, 400, "0\r\nX-A: b\r\n"+name+": 1\r\n\r\n")
	}
}

func TestRFC6585_5_TrailerSectionTooLarge(t *testing.T) {
	const line = "A: bc\r\n"
	for _, c := range []struct{ max, lines, status int }{
		{7, 1, 0}, {6, 1, 431}, {0, 1, 431}, {-1, 1, 431}, {0, 0, 0}, {-1, 0, 0}, {14, 2, 0}, {13, 2, 431}, {21, 2, 0},
	} {
		_, trailer, _, done, err := chunks(t, "0\r\n"+strings.Repeat(line, c.lines)+"\r\n", c.max)
		if status(err) != c.status || done != (c.status == 0) || done && len(trailer) != c.lines*len(line) {
			t.Errorf("%+v: %q %v %v", c, trailer, done, err)
		}
	}
	_, _, _, _, err := chunks(t, "0\r\n"+strings.Repeat("a", 100), 99)
	if status(err) != 431 {
		t.Error(err)
	}
}

func TestChunksAreReusable(t *testing.T) {
	var c Chunks
	for range 3 {
		c.Reset(100)
		for src := []byte("1\r\na\r\n0\r\nA: b\r\n\r\n"); len(src) > 0; {
			_, n, _, err := c.Next(src)
			if err != nil {
				t.Fatal(err)
			}
			src = src[n:]
		}
		if string(c.Trailer()) != "A: b\r\n" {
			t.Fatalf("%q", c.Trailer())
		}
	}
}

// A large trailer section is not kept for bodies to come.
func TestChunksLetGoOfLargeTrailers(t *testing.T) {
	const size = 2 * keepTrailer
	var c Chunks
	c.Reset(size)
	c.Next([]byte("0\r\n"))
	if _, _, _, err := c.Next([]byte("A:" + strings.Repeat("a", size-4) + "\r\n")); err != nil {
		t.Fatal(err)
	}
	if len(c.Trailer()) != size {
		t.Fatal(len(c.Trailer()))
	}
	if c.Reset(size); cap(c.trailer) > keepTrailer {
		t.Fatal(cap(c.trailer))
	}
}

func appendChunk(dst, p []byte) []byte {
	return append(append(AppendChunkSize(dst, len(p)), p...), "\r\n"...)
}

func TestRFC9112_7_1_AppendChunkSize(t *testing.T) {
	var b, content []byte
	for _, n := range []int{1, 9, 10, 15, 16, 255, 4096, 70000} {
		p := bytes.Repeat([]byte{'x'}, n)
		b = appendChunk(b, p)
		content = append(content, p...)
	}
	takeChunks(t, string(b)+"0\r\n\r\n", string(content), "")
	if got := string(AppendChunkSize(nil, 255)); got != "ff\r\n" {
		t.Fatalf("%q", got)
	}
}
