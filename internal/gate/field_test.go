package gate

import (
	"strings"
	"testing"
)

// fasthttp takes lines that end in a bare LF, and folded lines. The gate does
// not: other recipients of the same octets read them differently.
func TestRFC9112_2_2_BareLFThatFasthttpTakes(t *testing.T) {
	for _, s := range []string{
		"GET / HTTP/1.1\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n",
		"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		if err := fastHead(s); err != nil {
			t.Errorf("%q: fasthttp refuses it now: %v", s, err)
		}
		refuse(t, 400, s)
	}
}

func TestRFC9112_2_2_BareCRAndLF(t *testing.T) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\r\nHost: a\n\n",
		"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
		"GET / HTTP/1.1\rHost: a\r\n\r\n", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\rB: c\r\n\r\n",
		get("B: c\rd\r\n"), get("B: c\nd: e\r\n"), get("B\r: c\r\n"), get("B\n: c\r\n"), get("B\r\n"), get("\n"),
	} {
		refuse(t, 400, s)
	}
}

func TestRFC9112_5_2_ObsFold(t *testing.T) {
	const s = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n"
	if err := fastHead(s); err != nil {
		t.Errorf("fasthttp refuses it now: %v", err)
	}
	refuse(t, 400, s)
	refuse(t, 400, get("B: c\r\n\td\r\n"))
	refuse(t, 400, get("B: c\r\n \r\n"))
}

func TestRFC9112_2_2_WhitespaceBeforeFirstField(t *testing.T) {
	refuse(t, 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n")
	refuse(t, 400, "GET / HTTP/1.1\r\n\tA: b\r\nHost: a\r\n\r\n")
}

func TestRFC9112_5_1_FieldNames(t *testing.T) {
	accept(t, get("a_b: c\r\n!#$%&'*+-.^_`|~09: \r\n"))
	for _, line := range []string{
		"A : b", "A\t: b", ": b", "A b: c", "A", "A(b): c", "A/b: c", "\"A\": b", "A\x00: b", "\xc3\x89: b", "A\x7f: b",
		"Content-Length : 1", "Transfer-Encoding\t: chunked", "@: b", " : b",
	} {
		refuse(t, 400, get(line+"\r\n"))
	}
}

func TestRFC9110_5_5_ControlsInValues(t *testing.T) {
	accept(t, get("A: \tb\t c \t\r\nB: \x80\xff\r\nC:\r\nD:e\r\n"))
	for c := range 256 {
		for _, before := range []int{0, 1, 6, 7, 8, 9, 20} {
			s := get("A: " + strings.Repeat("\x80", before) + string([]byte{byte(c)}) + "tail of some length\r\n")
			if c < 0x20 && c != '\t' || c == 0x7f {
				refuse(t, 400, s)
			} else {
				accept(t, s)
			}
		}
	}
}

func TestRFC9112_3_2_Host(t *testing.T) {
	for _, v := range []string{
		"a", "A.example", "a.example:80", "a:", "a:0080", "a:65535", "127.0.0.1:8080", "[::1]", "[::1]:80", "a_b", "xn--n", "a!$&'()*+,;=~",
		"[2001:DB8::ffff:1.2.3.4]", "[1:2:3:4:5:6:7:8]", "[::]",
	} {
		if h := accept(t, "GET / HTTP/1.1\r\nhOST:  "+v+"\t\r\n\r\n"); string(h.Host) != v {
			t.Errorf("%q: %q", v, h.Host)
		}
	}
	for _, v := range []string{
		"", " ", "a b", "a,\tb", "u@a", "a/b", "a/", "http://a", "a?b", "a#b", "a:b", "a:1:2", "a:65536", "a:99999999999999999999", "a:-1",
		":80", "::1", "[::1", "::1]", "[::1]a", "[::1]:x", "[]", "[1.2.3.4]", "[v1.a]", "[fe80::1%25eth0]", "[:::]", "[1::2::3]", "[1:2:3:4:5:6:7]",
		"[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7::8]", "[::12345]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[1:]", "[:1]", "a%41", "\xc3\xa9", "a\\b", "a<b", "a\"b",
	} {
		refuse(t, 400, "GET / HTTP/1.1\r\nHost: "+v+"\r\n\r\n")
	}
	refuse(t, 400, "GET / HTTP/1.1\r\n\r\n")
	refuse(t, 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")
	refuse(t, 400, "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n")
	refuse(t, 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")
	refuse(t, 400, "GET / HTTP/1.0\r\nHost: a b\r\n\r\n")
	refuse(t, 400, "GET http://a/ HTTP/1.1\r\n\r\n")
	refuse(t, 400, "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n")
	for _, s := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost:\r\n\r\n"} {
		if h := accept(t, s); len(h.Host) != 0 {
			t.Errorf("%q: %q", s, h.Host)
		}
	}
	if h := accept(t, "GET http://a/ HTTP/1.0\r\n\r\n"); string(h.Host) != "a" {
		t.Errorf("%q", h.Host)
	}
}

func TestRFC9112_3_2_2_AbsoluteFormReplacesHost(t *testing.T) {
	if h := accept(t, "GET http://a:1/ HTTP/1.1\r\nHost: b:2\r\n\r\n"); string(h.Host) != "a:1" {
		t.Fatalf("%q", h.Host)
	}
}

func TestRFC9110_8_6_ContentLength(t *testing.T) {
	for v, want := range map[string]int64{
		"0": 0, "1": 1, "42": 42, "0042": 42, " 7\t": 7, "9223372036854775807": 1<<63 - 1, strings.Repeat("0", 40) + "5": 5,
	} {
		if h := accept(t, get("Content-Length:"+v+"\r\n")); h.Length != want {
			t.Errorf("%q: %d", v, h.Length)
		}
	}
	for _, v := range []string{
		"", "+1", "-1", "-0", "0x1", "1 1", "1,1", "1, 1", "1;", "1.0", "a", "1a", "1_0", "\xb2", "1e3", "99999999999999999999x", "\"1\"",
	} {
		refuse(t, 400, get("Content-Length: "+v+"\r\n"))
	}
	refuse(t, 400, get("Content-Length: 1\r\nContent-Length: 1\r\n"))
	refuse(t, 400, get("Content-Length: 1\r\ncontent-length: 2\r\n"))
	for _, v := range []string{"9223372036854775808", "18446744073709551617", strings.Repeat("9", 100)} {
		refuse(t, 413, get("Content-Length: "+v+"\r\n"))
	}
}

func TestRFC9112_6_1_TransferEncoding(t *testing.T) {
	for _, v := range []string{"chunked", "CHUNKED", " \tChunked\t "} {
		if h := accept(t, get("transfer-ENCODING:"+v+"\r\n")); h.Length != -1 {
			t.Errorf("%q: %d", v, h.Length)
		}
	}
	for v, want := range map[string]int{
		"gzip, chunked": 501, "foo;a=b , chunked": 501, "gzip,deflate,chunked": 501, "identity, chunked": 501,
	} {
		refuse(t, want, get("Transfer-Encoding: "+v+"\r\n"))
	}
}

func TestRFC9112_6_3_TransferEncodingWithoutFinalChunked(t *testing.T) {
	for _, v := range []string{
		"", " ", ",", "gzip", "identity", "xchunked", "chunkedx", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked", "chunked;a=b",
		"chunked;a, chunked", "chun ked", "\"chunked\"", "chunked\x0b", "chunked gzip", "gzip,, chunked", "'chunked'", "gzip, chunked, chunked",
	} {
		refuse(t, 400, get("Transfer-Encoding: "+v+"\r\n"))
	}
	refuse(t, 400, get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"))
	refuse(t, 400, get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"))
	refuse(t, 501, get("Transfer-Encoding: gzip, chunked\r\nTransfer-Encoding: chunked\r\n"))
}

func TestRFC9112_6_3_ContentLengthWithTransferEncoding(t *testing.T) {
	refuse(t, 400, get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"))
	refuse(t, 400, get("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"))
	refuse(t, 400, get("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"))
}

func TestRFC9112_6_1_TransferEncodingInHTTP10(t *testing.T) {
	refuse(t, 400, old("Transfer-Encoding: chunked\r\n"))
	refuse(t, 400, old("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"))
}

func TestRFC9112_9_3_Persistence(t *testing.T) {
	for _, c := range []struct {
		s                string
		close, keepAlive bool
	}{
		{get(""), false, false},
		{get("Connection: close\r\n"), true, false},
		{get("connection: CLOSE\r\n"), true, false},
		{get("Connection: keep-alive\r\n"), false, false},
		{get("Connection: keep-alive, close\r\n"), true, false},
		{get("Connection: close, keep-alive\r\n"), true, false},
		{get("Connection: close\r\nConnection: keep-alive\r\n"), true, false},
		{get("Connection: te\r\nConnection: a,\tclose ,b\r\n"), true, false},
		{get("Connection: ,,close\r\n"), true, false},
		{get("Connection: closed\r\n"), false, false},
		{get("Connection: \"close\"\r\n"), false, false},
		{get("Connection:\r\n"), false, false},
		{get("Proxy-Connection: close\r\n"), false, false},
		{old(""), true, false},
		{old("Connection: keep-alive\r\n"), false, true},
		{old("Connection: x, Keep-Alive\r\n"), false, true},
		{old("Connection: keep-alive, close\r\n"), true, false},
		{old("Connection: close\r\nConnection: keep-alive\r\n"), true, false},
		{old("Keep-Alive: 5\r\n"), true, false},
	} {
		if h := accept(t, c.s); h.Close != c.close || h.KeepAlive != c.keepAlive {
			t.Errorf("%q: close %v, keep-alive %v", c.s, h.Close, h.KeepAlive)
		}
	}
}

func TestRFC9110_10_1_1_Expect(t *testing.T) {
	const body = "Content-Length: 1\r\n"
	for s, want := range map[string]bool{
		get("Expect: 100-continue\r\n" + body):                             true,
		get(body + "expect: 100-Continue\r\n"):                             true,
		get("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"):      true,
		get("Expect: ,100-continue,\r\nExpect: 100-continue\r\n" + body):   true,
		get("Expect: 100-continue\r\n"):                                    false,
		get("Expect: 100-continue\r\nContent-Length: 0\r\n"):               false,
		get("Expect:\r\n" + body):                                          false,
		old("Expect: 100-continue\r\nConnection: keep-alive\r\n" + body):   false,
		old("Expect: something else\r\nConnection: keep-alive\r\n" + body): false,
	} {
		if h := accept(t, s); h.Continue != want {
			t.Errorf("%q: %v", s, h.Continue)
		}
	}
	for _, v := range []string{"100-continues", "200-ok", "100-continue, a", "100-continue;a=b", "100 continue"} {
		refuse(t, 417, get("Expect: "+v+"\r\n"+body))
	}
}

func TestRFC9110_7_8_Upgrade(t *testing.T) {
	for s, want := range map[string]bool{
		get("Connection: upgrade\r\nUpgrade: websocket\r\n"):     true,
		get("Upgrade: a\r\nConnection: keep-alive, Upgrade\r\n"): true,
		get("Upgrade: a\r\n"):                                            false,
		get("Connection: upgrade\r\n"):                                   false,
		get("Connection: upgrade\r\nUpgrade:\r\n"):                       false,
		old("Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n"): false,
	} {
		if h := accept(t, s); h.Upgrade != want {
			t.Errorf("%q: %v", s, h.Upgrade)
		}
	}
}

func TestRFC9110_6_6_2_TrailerField(t *testing.T) {
	for _, v := range []string{"", "a", "X-Sum, Expires", "a,", " a\t,b "} {
		accept(t, get("Trailer: "+v+"\r\n"))
	}
	for _, v := range []string{"Content-Length", "a, Transfer-Encoding", "host", "a,,b", ",a", "a b", "X-Forwarded-For", "a, \t,", "Trailer", "a;b"} {
		s := get("Trailer: " + v + "\r\n")
		if v != "a;b" && fastHead(s) == nil {
			t.Errorf("%q: fasthttp takes it", v)
		}
		refuse(t, 400, s)
	}
}
