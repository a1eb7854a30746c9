package forwarded

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// lines makes fields of lines "Name: value".
func lines(texts ...string) []Field {
	var fields []Field
	for _, text := range texts {
		name, value, _ := strings.Cut(text, ":")
		fields = append(fields, Field{[]byte(name), []byte(strings.TrimPrefix(value, " "))})
	}
	return fields
}

type clientCase struct {
	name   string
	peer   string
	fields []string
	client string
	port   uint16
	proto  string
}

func run(t *testing.T, tr *Trust, cases []clientCase) {
	t.Helper()
	for _, c := range cases {
		client, port, proto := tr.Client(address(c.peer), lines(c.fields...)...)
		if client != address(c.client) || port != c.port || proto != c.proto {
			t.Errorf("%s: %v %d %q, want %s %d %q", c.name, client, port, proto, c.client, c.port, c.proto)
		}
	}
}

func TestClientXForwardedFor(t *testing.T) {
	const us, proxy = "127.0.0.1", "10.0.0.1" // both trusted
	run(t, trust(t, "loopback", "private", "unix"), []clientCase{
		{"no field", us, nil, us, 0, ""},
		{"one hop", us, []string{"X-Forwarded-For: 192.0.2.1"}, "192.0.2.1", 0, ""},
		{"name in any case", us, []string{"x-forwarded-FOR: 192.0.2.1", "X-FORWARDED-proto: HTTPS"}, "192.0.2.1", 0, "https"},
		{"other fields", us, []string{"X-Forwarded-Fo: 192.0.2.1", "X-Forwarded-For2: 192.0.2.2", "Forwarded: for=192.0.2.3", "X-Real-IP: 192.0.2.4"}, us, 0, ""},
		{"two hops", us, []string{"X-Forwarded-For: 192.0.2.1, 10.0.0.1"}, "192.0.2.1", 0, ""},
		{"invented to the left", us, []string{"X-Forwarded-For: 8.8.8.8, 192.0.2.1, 10.0.0.1"}, "192.0.2.1", 0, ""},
		{"invented, a trusted address", us, []string{"X-Forwarded-For: 127.0.0.1, 192.0.2.1"}, "192.0.2.1", 0, ""},
		{"all trusted", us, []string{"X-Forwarded-For: 10.0.0.2, 10.0.0.1"}, "10.0.0.2", 0, ""},
		{"untrusted peer", "192.0.2.9", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https"}, "192.0.2.9", 0, ""},
		{"untrusted peer, mapped", "::ffff:192.0.2.9", []string{"X-Forwarded-For: 127.0.0.1"}, "::ffff:192.0.2.9", 0, ""},
		{"trusted peer, mapped", "::ffff:10.0.0.1", []string{"X-Forwarded-For: 192.0.2.1"}, "192.0.2.1", 0, ""},
		{"UNIX peer", "", []string{"X-Forwarded-For: 192.0.2.1:81"}, "192.0.2.1", 81, ""},
		{"several lines", us, []string{"X-Forwarded-For: 8.8.8.8", "Host: a", "X-Forwarded-For: 192.0.2.1, 10.0.0.2", "X-Forwarded-For: 10.0.0.1"}, "192.0.2.1", 0, ""},
		{"the last line is the client", us, []string{"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 192.0.2.1"}, "192.0.2.1", 0, ""},
		{"no spaces", us, []string{"X-Forwarded-For: 192.0.2.1,10.0.0.1"}, "192.0.2.1", 0, ""},
		{"spaces and tabs", us, []string{"X-Forwarded-For:  \t192.0.2.1\t , \t 10.0.0.1 \t"}, "192.0.2.1", 0, ""},
		{"port", us, []string{"X-Forwarded-For: 192.0.2.1:4711, 10.0.0.1:80"}, "192.0.2.1", 4711, ""},
		{"IPv6", us, []string{"X-Forwarded-For: 2001:db8::1, fd00::1"}, "2001:db8::1", 0, ""},
		{"IPv6 in brackets", us, []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1", 0, ""},
		{"IPv6 with port", us, []string{"X-Forwarded-For: [2001:db8::1]:65535"}, "2001:db8::1", 65535, ""},
		{"quoted", us, []string{`X-Forwarded-For: "[2001:db8::1]:443" , "10.0.0.1"`}, "2001:db8::1", 443, ""},
		{"mapped", us, []string{"X-Forwarded-For: ::ffff:192.0.2.1"}, "192.0.2.1", 0, ""},
		{"mapped hop is trusted", us, []string{"X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.1"}, "192.0.2.1", 0, ""},
		{"longest mapped", us, []string{"X-Forwarded-For: [0000:0000:0000:0000:0000:ffff:192.000.002.001]"}, us, 0, ""},
		{"longest", us, []string{"X-Forwarded-For: 0000:0000:0000:0000:0000:ffff:192.100.200.100"}, "192.100.200.100", 0, ""},

		{"unknown", us, []string{"X-Forwarded-For: unknown"}, us, 0, ""},
		{"unknown behind a good one", us, []string{"X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1"}, proxy, 0, ""},
		{"obfuscated", us, []string{"X-Forwarded-For: 192.0.2.1, _hidden"}, us, 0, ""},
		{"nginx on a UNIX socket", us, []string{"X-Forwarded-For: 192.0.2.1, unix:"}, us, 0, ""},
		{"empty", us, []string{"X-Forwarded-For:"}, us, 0, ""},
		{"empty element", us, []string{"X-Forwarded-For: 192.0.2.1, , 10.0.0.1"}, proxy, 0, ""},
		{"comma at the end", us, []string{"X-Forwarded-For: 192.0.2.1,"}, us, 0, ""},
		{"comma at the beginning", us, []string{"X-Forwarded-For: ,10.0.0.1"}, proxy, 0, ""},
		{"the client opens a quotation", us, []string{`X-Forwarded-For: "8.8.8.8, 192.0.2.1`}, "192.0.2.1", 0, ""},
		{"the client opens one in a line of its own", us, []string{`X-Forwarded-For: "8.8.8.8`, `X-Forwarded-For: 10.0.0.1`}, proxy, 0, ""},
		{"one quotation mark", us, []string{`X-Forwarded-For: "`}, us, 0, ""},
		{"empty quotation", us, []string{`X-Forwarded-For: ""`}, us, 0, ""},
		{"twice quoted", us, []string{`X-Forwarded-For: ""192.0.2.1""`}, us, 0, ""},
		{"IPv4 in brackets", us, []string{"X-Forwarded-For: [192.0.2.1]"}, us, 0, ""},
		{"open bracket", us, []string{"X-Forwarded-For: [2001:db8::1"}, us, 0, ""},
		{"text behind the bracket", us, []string{"X-Forwarded-For: [2001:db8::1]443"}, us, 0, ""},
		{"empty brackets", us, []string{"X-Forwarded-For: []:80"}, us, 0, ""},
		{"empty port", us, []string{"X-Forwarded-For: 192.0.2.1:"}, us, 0, ""},
		{"port too large", us, []string{"X-Forwarded-For: 192.0.2.1:65536"}, us, 0, ""},
		{"port far too large", us, []string{"X-Forwarded-For: 192.0.2.1:18446744073709551696"}, us, 0, ""},
		{"signed port", us, []string{"X-Forwarded-For: 192.0.2.1:+80"}, us, 0, ""},
		{"no host", us, []string{"X-Forwarded-For: :80"}, us, 0, ""},
		{"zone", us, []string{"X-Forwarded-For: fe80::1%eth0"}, us, 0, ""},
		{"zeros in front", us, []string{"X-Forwarded-For: 192.000.2.1"}, us, 0, ""},
		{"number", us, []string{"X-Forwarded-For: 3221225985"}, us, 0, ""},
		{"separated by spaces", us, []string{"X-Forwarded-For: 8.8.8.8 192.0.2.1"}, us, 0, ""},
		{"NUL", us, []string{"X-Forwarded-For: 192.0.2.1\x00"}, us, 0, ""},
		{"too long", us, []string{"X-Forwarded-For: " + strings.Repeat("0", 100) + "::1"}, us, 0, ""},
	})
}

func TestClientXForwardedProto(t *testing.T) {
	const us = "127.0.0.1"
	run(t, trust(t, "loopback", "private"), []clientCase{
		{"alone", us, []string{"X-Forwarded-Proto: https"}, us, 0, "https"},
		{"plain", us, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"}, "192.0.2.1", 0, "http"},
		{"websockets", us, []string{"X-Forwarded-Proto: wss"}, us, 0, "https"},
		{"plain websockets", us, []string{"X-Forwarded-Proto: WS"}, us, 0, "http"},
		{"quoted", us, []string{`X-Forwarded-Proto: "https"`}, us, 0, "https"},
		{"something else", us, []string{"X-Forwarded-Proto: ftp"}, us, 0, ""},
		{"invented, and appended to", us, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https, http"}, "192.0.2.1", 0, "http"},
		{"invented in a line of its own", us, []string{"X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"}, "192.0.2.1", 0, "http"},
		{"both append", us, []string{"X-Forwarded-For: 8.8.8.8, 192.0.2.1, 10.0.0.1", "X-Forwarded-Proto: http, https, http"}, "192.0.2.1", 0, "https"},
		{"the outer one says it, the inner one leaves it alone", us, []string{"X-Forwarded-For: 192.0.2.1, 10.0.0.1", "X-Forwarded-Proto: https"}, "192.0.2.1", 0, "https"},
		{"stopped at a malformed address", us, []string{"X-Forwarded-For: unknown, 10.0.0.1", "X-Forwarded-Proto: https, http"}, "10.0.0.1", 0, "http"},
		{"malformed at its place", us, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https, x"}, "192.0.2.1", 0, ""},
		{"untrusted", "192.0.2.1", []string{"X-Forwarded-Proto: https"}, "192.0.2.1", 0, ""},
	})
}

func TestClientForwarded(t *testing.T) {
	const us, proxy = "127.0.0.1", "10.0.0.1"
	run(t, trust(t, "loopback", "private", "forwarded"), []clientCase{
		// RFC 7239 sections 4 and 6.
		{"IPv4", us, []string{"Forwarded: for=192.0.2.43"}, "192.0.2.43", 0, ""},
		{"IPv6 and port", us, []string{`Forwarded: For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17", 4711, ""},
		{"all parameters", us, []string{"Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43"}, "192.0.2.60", 0, "http"},
		{"two elements", us, []string{"Forwarded: for=192.0.2.43, for=10.0.0.17"}, "192.0.2.43", 0, ""},
		{"obfuscated port", us, []string{`Forwarded: for="192.0.2.43:_http.1-x"`}, "192.0.2.43", 0, ""},
		{"obfuscated", us, []string{`Forwarded: for="_gazonk";proto=https`}, us, 0, "https"},
		{"unknown", us, []string{"Forwarded: for=192.0.2.1, for=unknown;proto=https, for=10.0.0.1;proto=http"}, proxy, 0, "http"},
		{"several lines", us, []string{"Forwarded: for=8.8.8.8", "Forwarded: for=192.0.2.1;proto=https", "Forwarded: for=10.0.0.1;proto=http"}, "192.0.2.1", 0, "https"},
		{"the scheme of the client's own element", us, []string{"Forwarded: for=192.0.2.1, for=10.0.0.1;proto=https"}, "192.0.2.1", 0, ""},
		{"without for", us, []string{"Forwarded: proto=https;by=_x"}, us, 0, "https"},
		{"quoted pairs in others", us, []string{`Forwarded: host="a\"b\\" ; for=192.0.2.1 ; x=y`}, "192.0.2.1", 0, ""},
		{"unquoted port", us, []string{"Forwarded: for=192.0.2.1:80"}, "192.0.2.1", 80, ""},
		{"unquoted brackets", us, []string{"Forwarded: for=[2001:db8::1]:80"}, "2001:db8::1", 80, ""},
		{"the other fields do not count", us, []string{"X-Forwarded-For: 8.8.8.8", "X-Forwarded-Proto: https"}, us, 0, ""},
		{"untrusted", "192.0.2.1", []string{"Forwarded: for=127.0.0.1;proto=https"}, "192.0.2.1", 0, ""},

		{"the client opens a quotation", us, []string{`Forwarded: for="8.8.8.8, for=192.0.2.1`}, "192.0.2.1", 0, ""},
		{"comma in quotes", us, []string{`Forwarded: for=192.0.2.1, for=10.0.0.1;host="a,b"`}, us, 0, ""},
		{"an element in quotes", us, []string{`Forwarded: for=192.0.2.1;host="a,for=8.8.8.8"`}, us, 0, ""},
		{"an element in quotes, a value at the end", us, []string{`Forwarded: for=192.0.2.1;host="a,for=8.8.8.8;x="`}, us, 0, ""},
		{"an element in quotes, an open value", us, []string{`Forwarded: for=192.0.2.1;host="a,for=8.8.8.8;x=";by="[::1]"`}, us, 0, ""},
		{"an element in quotes, an escaped end", us, []string{`Forwarded: for=192.0.2.1;host="a,for=8.8.8.8;x=\"";by="b"`}, us, 0, ""},
		{"for twice", us, []string{"Forwarded: for=192.0.2.1;for=192.0.2.2"}, us, 0, ""},
		{"for twice, empty first", us, []string{`Forwarded: for="";for=192.0.2.2`}, us, 0, ""},
		{"proto twice", us, []string{"Forwarded: for=192.0.2.1;proto=http;proto=https"}, us, 0, ""},
		{"no value", us, []string{"Forwarded: for="}, us, 0, ""},
		{"no name", us, []string{"Forwarded: =192.0.2.1"}, us, 0, ""},
		{"no pair", us, []string{"Forwarded: 192.0.2.1"}, us, 0, ""},
		{"semicolon at the end", us, []string{"Forwarded: for=192.0.2.1;"}, us, 0, ""},
		{"space at the equals sign", us, []string{"Forwarded: for =192.0.2.1"}, us, 0, ""},
		{"text behind quotes", us, []string{`Forwarded: for="192.0.2.1"x`}, us, 0, ""},
		{"ends in a backslash", us, []string{`Forwarded: for="192.0.2.1\`}, us, 0, ""},
		{"quoted pairs in an address", us, []string{`Forwarded: for="192.0.2.\1"`}, us, 0, ""},
		{"obfuscated port without a name", us, []string{`Forwarded: for="192.0.2.1:_"`}, us, 0, ""},
		{"obfuscated port with odd letters", us, []string{`Forwarded: for="192.0.2.1:_a b"`}, us, 0, ""},
	})
}

// TestClientHops: a chain ends after maxHops.
func TestClientHops(t *testing.T) {
	for _, field := range []struct{ name, element, trust string }{
		{"X-Forwarded-For: ", "", "private"},
		{"Forwarded: ", "for=", "forwarded"},
	} {
		tr := trust(t, "private", field.trust)
		chain := func(hops int) []Field {
			all := append([]string{field.element + "192.0.2.1"}, slices.Repeat([]string{field.element + "10.0.0.1"}, hops)...)
			return lines(field.name + strings.Join(all, ", "))
		}
		if client, _, _ := tr.Client(address("10.0.0.9"), chain(maxHops-1)...); client != address("192.0.2.1") {
			t.Errorf("%s: %v after %d trusted", field.name, client, maxHops-1)
		}
		if client, _, _ := tr.Client(address("10.0.0.9"), chain(maxHops)...); client != address("10.0.0.1") {
			t.Errorf("%s: %v after %d trusted", field.name, client, maxHops)
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add("X-Forwarded-For", "192.0.2.1, 10.0.0.1", "X-Forwarded-Proto", "https", false)
	f.Add("Forwarded", `for="[2001:db8::1]:80";proto=https, for=10.0.0.1`, "forwarded", `for=10.0.0.2;x="a,b"`, true)
	f.Add("X-Forwarded-For", `"8.8.8.8`, "X-Forwarded-For", "[::1]:443, unknown,", false)
	all, rfc := trust(f, "loopback", "private", "unix"), trust(f, "loopback", "private", "unix", "forwarded")
	stranger, proxy := address("192.0.2.200"), address("10.9.9.9")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, rfc7239 bool) {
		tr, name, appended := all, "X-Forwarded-For", "198.51.100.1"
		if rfc7239 {
			tr, name, appended = rfc, "Forwarded", "for=198.51.100.1;proto=https"
		}
		fields := []Field{{[]byte(name1), []byte(value1)}, {[]byte(name2), []byte(value2)}}
		if client, port, proto := tr.Client(stranger, fields...); client != stranger || port != 0 || proto != "" {
			t.Fatalf("untrusted: %v %d %q", client, port, proto)
		}
		client, port, proto := tr.Client(proxy, fields...)
		if client != proxy && (!client.IsValid() || client.Is4In6() || client.Zone() != "") {
			t.Fatalf("%v %d %q", client, port, proto)
		}
		if proto != "" && proto != "http" && proto != "https" {
			t.Fatalf("scheme %q", proto)
		}
		// Whatever a client sends, what its proxy appends counts: in a line of its
		// own, and in the same line.
		own := slices.Concat(fields, []Field{{[]byte(name), []byte(appended)}})
		same := slices.Concat(fields, []Field{{[]byte(name), []byte(value1 + ", " + appended)}})
		for _, fields := range [][]Field{own, same} {
			if client, _, _ := tr.Client(proxy, fields...); client != netip.MustParseAddr("198.51.100.1") {
				t.Fatalf("%q: %v", fields, client)
			}
		}
		// What a client smuggles into a quoted value of its proxy's does not count.
		if rfc7239 {
			escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value1)
			field := Field{[]byte(name), []byte(`for=198.51.100.1;host="` + escaped + `";by="_x"`)}
			if client, _, _ := tr.Client(proxy, field); client != netip.MustParseAddr("198.51.100.1") && client != proxy {
				t.Fatalf("%q: %v", field.Value, client)
			}
		}
	})
}
