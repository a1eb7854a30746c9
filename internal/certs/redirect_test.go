package certs

import (
	"net/url"
	"strings"
	"testing"
)

func TestRedirectTarget(t *testing.T) {
	long := strings.Repeat("a", 63)
	longest := strings.Join([]string{long, long, long, long[:61]}, ".")
	for _, test := range []struct {
		host, target string
		port         int
		want         string // "" is refused
	}{
		{"a.example", "/", 443, "https://a.example/"},
		{"a.example:80", "/x?y=1", 0, "https://a.example/x?y=1"},
		{"a.example:", "/x", 8443, "https://a.example:8443/x"},
		{"A.Example.", "/", 443, "https://A.Example./"},
		{"localhost:8080", "/", 8443, "https://localhost:8443/"},
		{"a_b.example", "/", 443, "https://a_b.example/"},
		{"192.0.2.1:80", "/", 65535, "https://192.0.2.1:65535/"},
		{"[2001:db8::1]", "/", 443, "https://[2001:db8::1]/"},
		{"[2001:db8::1]:80", "/", 444, "https://[2001:db8::1]:444/"},
		{"[::ffff:192.0.2.1]", "/", 443, "https://[::ffff:192.0.2.1]/"},
		{long + ".example", "/", 443, "https://" + long + ".example/"},
		{longest, "/", 443, "https://" + longest + "/"},
		// The target cannot lead elsewhere.
		{"a.example", "//evil.example/x", 443, "https://a.example//evil.example/x"},
		{"a.example", `/\evil.example`, 443, "https://a.example/%5Cevil.example"},
		{"a.example", "/@evil.example", 443, "https://a.example/@evil.example"},
		{"a.example", "http://b.example:81/x?y", 443, "https://b.example/x?y"},
		{"a.example", "HTTP://b.example", 443, "https://b.example/"},
		{"", "http://b.example?x", 443, "https://b.example/?x"},
		// What URLs may not hold.
		{"a.example", "/ü\"<>^`{|}[]", 443, "https://a.example/%C3%BC%22%3C%3E%5E%60%7B%7C%7D[]"},
		{"a.example", "/100%25?q=100%", 443, "https://a.example/100%25?q=100%"},
		{"a.example", "/100%", 443, ""},
		{"a.example", "/%4", 443, ""},
		{"a.example", "/%zz", 443, ""},
		{"a.example", "/a b", 443, ""},
		{"a.example", "/a\r\nSet-Cookie: x", 443, ""},
		{"a.example", "/\x00", 443, ""},
		{"a.example", "/\x7f", 443, ""},
		{"a.example", "/#f", 443, ""},
		// Other forms of target.
		{"a.example", "*", 443, ""},
		{"a.example", "b.example:443", 443, ""},
		{"a.example", "ftp://b.example/", 443, ""},
		{"a.example", "https://b.example/", 443, ""},
		{"a.example", "http:/b.example/", 443, ""},
		{"a.example", "http://", 443, ""},
		{"a.example", "http://u@b.example/", 443, ""},
		{"a.example", "http://b.example\\@c.example/", 443, ""},
		{"a.example", "", 443, "https://a.example/"},
		// Hosts that are none.
		{"", "/", 443, ""},
		{".", "/", 443, ""},
		{"a..example", "/", 443, ""},
		{".example", "/", 443, ""},
		{"a.example..", "/", 443, ""},
		{"-a.example", "/", 443, ""},
		{"a-.example", "/", 443, ""},
		{long + "a.example", "/", 443, ""},
		{longest + "a", "/", 443, ""},
		{"u:p@a.example", "/", 443, ""},
		{"a.example/x", "/", 443, ""},
		{"a.example?x", "/", 443, ""},
		{"a.example\\x", "/", 443, ""},
		{"a.example,b.example", "/", 443, ""},
		{"a.example\r\n", "/", 443, ""},
		{"ü.example", "/", 443, ""},
		{"a%2eexample", "/", 443, ""},
		{"a.example:65536", "/", 443, ""},
		{"a.example:000080", "/", 443, ""},
		{"a.example:x", "/", 443, ""},
		{"a.example:80:80", "/", 443, ""},
		{"2001:db8::1", "/", 443, ""},
		{"[2001:db8::1", "/", 443, ""},
		{"[2001:db8::1]x", "/", 443, ""},
		{"[fe80::1%25eth0]", "/", 443, ""},
		{"[fe80::1%eth0]", "/", 443, ""},
		{"[192.0.2.1]", "/", 443, ""},
		{"[v1.x]", "/", 443, ""},
		{"[]", "/", 443, ""},
		{"1.2.3", "/", 443, ""},
		{"256.0.0.1", "/", 443, ""},
		{"01.2.3.4", "/", 443, ""},
		{"0x7f.1", "/", 443, ""},
		{"127.0.0.0x1", "/", 443, ""},
		{"a.0x", "/", 443, ""},
		{"2130706433", "/", 443, ""},
		{"1.2.3.4.5", "/", 443, ""},
		{"1.2.3.4.example", "/", 443, "https://1.2.3.4.example/"},
		{"a.example", "/", -1, ""},
		{"a.example", "/", 65536, ""},
	} {
		got, ok := RedirectTarget([]byte("Location: "), []byte(test.host), []byte(test.target), test.port)
		if want := "Location: " + test.want; string(got) != want || ok != (test.want != "") {
			t.Errorf("host %q, target %q, port %d: %q, %v, want %q", test.host, test.target, test.port, got, ok, want)
		}
	}
}

func FuzzRedirect(f *testing.F) {
	for _, host := range []string{"a.example", "a.example:80", "[::1]:8080", "127.0.0.1", "u@b", "x\\y", ""} {
		for _, target := range []string{"/", "//b/x?y=%zz", "http://b.example:1/?%", "*", "/\xff[%41]"} {
			f.Add([]byte(host), []byte(target), 8443)
		}
	}
	f.Fuzz(func(t *testing.T, host, target []byte, port int) {
		const prefix = "Location: "
		out, ok := RedirectTarget([]byte(prefix), host, target, port)
		if !strings.HasPrefix(string(out), prefix) || !ok && string(out) != prefix {
			t.Fatalf("dst has changed: %q", out)
		}
		if !ok {
			return
		}
		text := string(out[len(prefix):])
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("%q: %v, %v", text, u, err)
		}
		for _, c := range []byte(text) {
			if c <= ' ' || c >= 0x7f {
				t.Fatalf("%q holds %#x", text, c)
			}
		}
		// The host that net/url finds in the request is the one in the answer.
		authority := string(host)
		if len(target) > 0 && target[0] != '/' {
			asked, err := url.Parse(string(target))
			if err == nil {
				authority = asked.Host
			} else {
				authority, _, _ = strings.Cut(string(target[len("http://"):]), "/")
				authority, _, _ = strings.Cut(authority, "?")
			}
		}
		asked, err := url.Parse("http://" + authority)
		if err != nil || asked.Hostname() != u.Hostname() || u.Hostname() == "" {
			t.Fatalf("host %q, target %q: %q leads to %q (%v)", host, target, text, u.Hostname(), err)
		}
		if want := ""; port != 0 && port != 443 {
			if u.Port() == want {
				t.Fatalf("%q has no port", text)
			}
		} else if u.Port() != want {
			t.Fatalf("%q has a port", text)
		}
	})
}
