package httpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// ends is a connection that has addresses and nothing else.
type ends struct {
	net.Conn
	local, remote net.Addr
}

func (e ends) LocalAddr() net.Addr  { return e.local }
func (e ends) RemoteAddr() net.Addr { return e.remote }

// secureEnds is one that fasthttp takes for TLS.
type secureEnds struct{ ends }

func (secureEnds) Handshake() error                     { return nil }
func (secureEnds) ConnectionState() tls.ConnectionState { return tls.ConnectionState{} }

// textAddr is an address of a type that the package does not know.
type textAddr string

func (textAddr) Network() string  { return "odd" }
func (a textAddr) String() string { return string(a) }

func tcp(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }

var (
	overIPv4 = ends{local: tcp("192.0.2.1", 8080), remote: tcp("198.51.100.7", 4711)}
	overIPv6 = ends{
		local:  &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 81},
		remote: &net.TCPAddr{IP: net.ParseIP("fe80::2"), Port: 5, Zone: "eth0"},
	}
	overUNIX = ends{local: &net.UnixAddr{Name: "/run/s", Net: "unix"}, remote: &net.UnixAddr{Net: "unix"}}
)

// received is a request as fasthttp reads it from conn.
func received(tb testing.TB, conn net.Conn, text string) *fasthttp.RequestCtx {
	tb.Helper()
	ctx := new(fasthttp.RequestCtx)
	ctx.Init2(conn, nil, false)
	if err := ctx.Request.Read(bufio.NewReader(strings.NewReader(text))); err != nil {
		tb.Fatalf("%v in %q", err, text)
	}
	*isTLSField.of(&ctx.Request) = ctx.IsTLS() // as the front says it
	return ctx
}

func lines(all ...string) string { return strings.Join(all, "\r\n") }

func TestVariables(t *testing.T) {
	// What every case has unless it says otherwise; "-" takes a name away.
	usual := map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "bident", "SERVER_PROTOCOL": "HTTP/1.1",
		"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
		"REDIRECT_STATUS": "200", "SERVER_NAME": "h", "SERVER_PORT": "8080", "SERVER_ADDR": "192.0.2.1",
		"REMOTE_ADDR": "198.51.100.7", "REMOTE_PORT": "4711", "HTTP_HOST": "h",
	}
	for _, c := range []struct {
		name string
		conn net.Conn // overIPv4 unless given
		text string
		want map[string]string
	}{
		{"plain", nil, lines("GET / HTTP/1.1", "Host: h", "", ""), nil},
		{"path and query", nil, lines("GET /a%20b/%C3%BC+c?x=%20y&z HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "/a%20b/%C3%BC+c?x=%20y&z", "PATH_INFO": "/a b/ü+c", "QUERY_STRING": "x=%20y&z"}},
		{"bad encoding stays", nil, lines("GET /%zz%4 HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "/%zz%4", "PATH_INFO": "/%zz%4"}},
		{"nothing behind NUL", nil, lines("GET /a%00.php HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "/a%00.php", "PATH_INFO": "/a"}},
		{"no way up", nil, lines("GET /a//b/%2e%2e/../../etc HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "/a//b/%2e%2e/../../etc", "PATH_INFO": "/etc"}},
		{"fragment", nil, lines("GET /a?q#f?g HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "/a?q#f?g", "PATH_INFO": "/a", "QUERY_STRING": "q"}},
		{"asterisk", nil, lines("OPTIONS * HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_METHOD": "OPTIONS", "REQUEST_URI": "*", "PATH_INFO": ""}},
		{"absolute", nil, lines("GET http://u:p@Other.example:99/p?q HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "http://u:p@Other.example:99/p?q", "PATH_INFO": "/p", "QUERY_STRING": "q",
			"HTTP_HOST": "Other.example:99", "SERVER_NAME": "Other.example"}},
		{"absolute without path", nil, lines("GET http://o?q HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "http://o?q", "QUERY_STRING": "q", "HTTP_HOST": "o", "SERVER_NAME": "o"}},
		{"address in the query", nil, lines("GET /p?to=http://x/y HTTP/1.1", "Host: h", "", ""), map[string]string{
			"REQUEST_URI": "/p?to=http://x/y", "PATH_INFO": "/p", "QUERY_STRING": "to=http://x/y"}},
		{"HTTP/1.0", nil, lines("GET / HTTP/1.0", "", ""), map[string]string{
			"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "-", "SERVER_NAME": "192.0.2.1"}},
		{"body", nil, lines("POST / HTTP/1.1", "Host: h", "Content-Type: a/b; c=d", "Content-Length: 3", "", "abc"), map[string]string{
			"REQUEST_METHOD": "POST", "CONTENT_TYPE": "a/b; c=d", "CONTENT_LENGTH": "3"}},
		{"empty body", nil, lines("POST / HTTP/1.1", "Host: h", "Content-Length: 0", "", ""), map[string]string{
			"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "0"}},
		{"chunks", nil, lines("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "", "2", "ab", "3", "cde", "0", "", ""), map[string]string{
			"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "5"}},
		{"type without body", nil, lines("GET / HTTP/1.1", "Host: h", "Content-Type: a/b", "", ""), map[string]string{"CONTENT_TYPE": "a/b"}},
		{"fields", nil, lines("GET / HTTP/1.1", "Host: h", "x-odd-NAME:  v w ", "Accept: a", "X-Empty:", "aCCEPT: b", "Accept: c",
			"Authorization: Basic x", "User-Agent: u", "Connection: close", "X1: 2", "", ""), map[string]string{
			"HTTP_X_ODD_NAME": "v w", "HTTP_ACCEPT": "a, b, c", "HTTP_X_EMPTY": "", "HTTP_AUTHORIZATION": "Basic x",
			"HTTP_USER_AGENT": "u", "HTTP_CONNECTION": "close", "HTTP_X1": "2"}},
		{"cookies as they were", nil, lines("GET / HTTP/1.1", "Host: h", `Cookie: a="1\2";b=3`, "cookie: lone", "", ""), map[string]string{
			"HTTP_COOKIE": `a="1\2";b=3; lone`}},
		{"fields left out", nil, lines("GET / HTTP/1.1", "Host: h", "X_A: 1", "Proxy: evil", "PROXY: evil", "X.B: 1", "X~: 1", "Content_Length: 9", "X-C: 1", "", ""),
			map[string]string{"HTTP_X_C": "1"}},
		{"IPv6", overIPv6, lines("GET / HTTP/1.1", "Host: [2001:db8::1]:81", "", ""), map[string]string{
			"HTTP_HOST": "[2001:db8::1]:81", "SERVER_NAME": "[2001:db8::1]", "SERVER_ADDR": "2001:db8::1", "SERVER_PORT": "81",
			"REMOTE_ADDR": "fe80::2", "REMOTE_PORT": "5"}},
		{"IPv6 without host", overIPv6, lines("GET / HTTP/1.0", "", ""), map[string]string{
			"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "-", "SERVER_NAME": "[2001:db8::1]", "SERVER_ADDR": "2001:db8::1",
			"SERVER_PORT": "81", "REMOTE_ADDR": "fe80::2", "REMOTE_PORT": "5"}},
		{"IPv4 through an IPv6 socket", ends{local: tcp("::ffff:192.0.2.1", 8080), remote: tcp("::ffff:198.51.100.7", 4711)},
			lines("GET / HTTP/1.1", "Host: h", "", ""), nil},
		{"addresses of an odd type", ends{local: textAddr("192.0.2.1:8080"), remote: textAddr("what?")},
			lines("GET / HTTP/1.1", "Host: h", "", ""), map[string]string{"REMOTE_ADDR": "", "REMOTE_PORT": "-"}},
		{"a client without port", ends{local: tcp("192.0.2.1", 8080), remote: tcp("198.51.100.7", 0)},
			lines("GET / HTTP/1.1", "Host: h", "", ""), map[string]string{"REMOTE_PORT": "-"}},
		{"UNIX", overUNIX, lines("GET / HTTP/1.1", "Host: h:77", "", ""), map[string]string{
			"HTTP_HOST": "h:77", "SERVER_ADDR": "-", "SERVER_PORT": "77", "REMOTE_ADDR": "", "REMOTE_PORT": "-"}},
		{"UNIX without port", overUNIX, lines("GET / HTTP/1.1", "Host: h", "", ""), map[string]string{
			"SERVER_ADDR": "-", "SERVER_PORT": "80", "REMOTE_ADDR": "", "REMOTE_PORT": "-"}},
		{"UNIX without host", overUNIX, lines("GET / HTTP/1.0", "", ""), map[string]string{
			"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "-", "SERVER_NAME": "localhost",
			"SERVER_ADDR": "-", "SERVER_PORT": "80", "REMOTE_ADDR": "", "REMOTE_PORT": "-"}},
		{"no addresses", ends{}, lines("GET / HTTP/1.1", "Host: h", "", ""), map[string]string{
			"SERVER_ADDR": "-", "SERVER_PORT": "80", "REMOTE_ADDR": "", "REMOTE_PORT": "-"}},
		{"TLS", secureEnds{overIPv4}, lines("GET / HTTP/1.1", "Host: h", "", ""), map[string]string{"HTTPS": "on"}},
		{"TLS over UNIX", secureEnds{overUNIX}, lines("GET / HTTP/1.1", "Host: h", "", ""), map[string]string{
			"HTTPS": "on", "SERVER_ADDR": "-", "SERVER_PORT": "443", "REMOTE_ADDR": "", "REMOTE_PORT": "-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := c.conn
			if conn == nil {
				conn = overIPv4
			}
			want := maps.Clone(usual)
			for name, value := range c.want {
				if want[name] = value; value == "-" {
					delete(want, name)
				}
			}
			got := maps.Collect(Variables(received(t, conn, c.text)))
			for name := range got {
				if value, ok := want[name]; !ok || value != got[name] {
					t.Errorf("%s=%q, not %q (%v)", name, got[name], value, ok)
				}
				delete(want, name)
			}
			for name, value := range want {
				t.Errorf("%s=%q is missing", name, value)
			}
		})
	}
}

// TestOddHost: what can be no host name does not become SERVER_NAME.
func TestOddHost(t *testing.T) {
	for host, want := range map[string]string{
		"example.org":       "example.org",
		"example.org:":      "example.org",
		"Ex-a_mple.org.:80": "Ex-a_mple.org.",
		"[::1]":             "[::1]",
		"[::1]:80":          "[::1]",
		"":                  "192.0.2.1",
		":80":               "192.0.2.1",
		"a:b":               "192.0.2.1",
		"a:1:2":             "192.0.2.1",
		"a:123456":          "192.0.2.1",
		"::1":               "192.0.2.1",
		"[::1":              "192.0.2.1",
		"[::1]x":            "192.0.2.1",
		"[]":                "192.0.2.1",
		"]":                 "192.0.2.1",
		"<b>":               "192.0.2.1",
		"a/b":               "192.0.2.1",
		"a b":               "192.0.2.1",
		"a@b":               "192.0.2.1",
		"a,b":               "192.0.2.1",
	} {
		ctx := received(t, overIPv4, lines("GET /p HTTP/1.0", "Host: "+host, "", ""))
		got := maps.Collect(Variables(ctx))
		if got["SERVER_NAME"] != want || got["PATH_INFO"] != "/p" || got["HTTP_HOST"] != host {
			t.Errorf("%q: SERVER_NAME=%q, PATH_INFO=%q, HTTP_HOST=%q", host, got["SERVER_NAME"], got["PATH_INFO"], got["HTTP_HOST"])
		}
	}
}

// TestVariablesOfMadeRequest: a request that was never text has no text to read.
func TestVariablesOfMadeRequest(t *testing.T) {
	ctx := new(fasthttp.RequestCtx)
	ctx.Init2(overIPv4, nil, false)
	ctx.Request.Header.SetMethod("PUT")
	ctx.Request.SetRequestURI("/p?q")
	ctx.Request.Header.SetHost("h")
	ctx.Request.Header.SetContentType("a/b")
	ctx.Request.Header.SetCookie("a", "1")
	ctx.Request.Header.Add("X-A", "1")
	ctx.Request.Header.Add("X-A", "2")
	ctx.Request.SetBodyString("body")
	got := maps.Collect(Variables(ctx))
	for name, want := range map[string]string{
		"REQUEST_METHOD": "PUT", "PATH_INFO": "/p", "QUERY_STRING": "q", "HTTP_HOST": "h", "CONTENT_TYPE": "a/b",
		"CONTENT_LENGTH": "4", "HTTP_COOKIE": "a=1", "HTTP_X_A": "1, 2",
	} {
		if got[name] != want {
			t.Errorf("%s=%q, not %q", name, got[name], want)
		}
	}
}

func TestVariablesStop(t *testing.T) {
	n := 0
	for range Variables(received(t, overIPv4, lines("GET / HTTP/1.1", "Host: h", "", ""))) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d", n)
	}
}

// TestManyFields: as many as a head of 64 KiB can hold, most of them repeated.
func TestManyFields(t *testing.T) {
	var text strings.Builder
	text.WriteString("GET / HTTP/1.1\r\nHost: h\r\n")
	want := make(map[string][]string)
	for i := range 8000 {
		name := fmt.Sprintf("A%d", i*i%1009)
		fmt.Fprintf(&text, "%s:%d\r\n", name, i)
		want["HTTP_"+name] = append(want["HTTP_"+name], fmt.Sprint(i))
	}
	text.WriteString("\r\n")
	ctx := new(fasthttp.RequestCtx)
	ctx.Init2(overIPv4, nil, false)
	if err := ctx.Request.Read(bufio.NewReaderSize(strings.NewReader(text.String()), text.Len())); err != nil {
		t.Fatal(err)
	}
	got := maps.Collect(Variables(ctx))
	for name, values := range want {
		if got[name] != strings.Join(values, ", ") {
			t.Fatalf("%s=%q, not %q", name, got[name], values)
		}
	}
	var v variables
	v.visit(ctx, nil, func(_, _ []byte) {})
	if cap(v.fields.all) > keptFields || cap(v.fields.names) > keptFields {
		t.Errorf("keeps %d fields, %d octets", cap(v.fields.all), cap(v.fields.names))
	}
}

const browserRequest = "POST /a%20b/index.php?x=1&y=2 HTTP/1.1\r\nHost: www.example.org:8080\r\nUser-Agent: Mozilla/5.0\r\n" +
	"Accept: text/html\r\nAccept: */*\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n" +
	"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nReferer: http://www.example.org/\r\n\r\na=b"

func TestVariablesAllocateNothing(t *testing.T) {
	for _, conn := range []net.Conn{overIPv4, overIPv6, overUNIX} {
		ctx := received(t, conn, browserRequest)
		var v variables
		octets := 0
		count := func(name, value []byte) { octets += len(name) + len(value) }
		v.visit(ctx, nil, count)
		if n := testing.AllocsPerRun(1000, func() { v.visit(ctx, nil, count) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if v.fields.contentType != nil || slices.ContainsFunc(v.fields.all[:cap(v.fields.all)], func(f field) bool { return f.value != nil }) {
			t.Error("holds on to the request")
		}
	}
}

func BenchmarkVariables(b *testing.B) {
	ctx := received(b, overIPv4, browserRequest)
	var v variables
	b.ReportAllocs()
	for b.Loop() {
		v.visit(ctx, nil, func(name, value []byte) {})
	}
}

// FuzzVariables reads any head that fasthttp reads.
func FuzzVariables(f *testing.F) {
	f.Add("GET", "/a%00b//../c?d", "Host: h\r\nX-A: 1\r\nx-a: 2\r\nX_A: 3\r\n")
	f.Add("OPTIONS", "*", "Host: [::1]:9\r\nCookie: a\r\nCookie: \"b\r\n")
	f.Add("GET", "http://a@b:1?c", "Host: <\r\nProxy: p\r\nProxy-: q\r\n-: r\r\n")
	f.Add("POST", "//x/%", "Transfer-Encoding: chunked\r\n")
	f.Add("POST", "/", "X-Fold: a\r\n b\r\nContent-Length: 2\r\nContent-Type:\r\n")
	valid := regexp.MustCompile(`^[A-Z0-9_]+$`)
	f.Fuzz(func(t *testing.T, method, uri, head string) {
		ctx := new(fasthttp.RequestCtx)
		ctx.Init2(overIPv4, nil, false)
		text := method + " " + uri + " HTTP/1.1\r\n" + head + "\r\n" + "5\r\nabcde\r\n0\r\n\r\n"
		if ctx.Request.Read(bufio.NewReader(strings.NewReader(text))) != nil {
			return
		}
		var v variables
		var passes [2]map[string]string
		for i := range passes {
			passes[i] = make(map[string]string)
			v.visit(ctx, nil, func(name, value []byte) {
				if !valid.Match(name) {
					t.Errorf("name %q", name)
				}
				if _, twice := passes[i][string(name)]; twice {
					t.Errorf("%s twice", name)
				}
				if strings.ContainsAny(string(value), "\x00\r\n") && string(name) != "PATH_INFO" {
					t.Errorf("%s=%q", name, value)
				}
				passes[i][string(name)] = string(value)
			})
		}
		got := passes[0]
		if !maps.Equal(got, passes[1]) {
			t.Errorf("%q, then %q", got, passes[1])
		}
		if !maps.Equal(got, maps.Collect(Variables(ctx))) {
			t.Errorf("Variables differ from %q", got)
		}
		for _, name := range []string{"GATEWAY_INTERFACE", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE",
			"REQUEST_METHOD", "SCRIPT_NAME", "QUERY_STRING", "REMOTE_ADDR", "PATH_INFO"} {
			if _, ok := got[name]; !ok {
				t.Errorf("%s is missing", name)
			}
		}
		if p := got["PATH_INFO"]; strings.Contains(p, "\x00") || p != "" && p[0] != '/' {
			t.Errorf("PATH_INFO=%q", p)
		}
	})
}
