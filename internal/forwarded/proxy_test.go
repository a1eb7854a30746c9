package forwarded

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

// v2 makes a header of version 2 with the parts behind the length.
func v2(command, family byte, parts ...string) []byte {
	rest := strings.Join(parts, "")
	b := append([]byte(signatureV2), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rest)))
	return append(b, rest...)
}

// tlv makes a type-length-value record.
func tlv(kind byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value)))) + value
}

func padded(path string) string { return path + strings.Repeat("\x00", 108-len(path)) }

var (
	tcp4   = "\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x67\x01\xbb"
	tcp6   = six("2001:db8::1") + six("2001:db8::2") + "\x12\x67\x01\xbb"
	mapped = six("::ffff:192.0.2.1") + six("::ffff:198.51.100.1") + "\x12\x67\x01\xbb"
)

func six(s string) string { b := netip.MustParseAddr(s).As16(); return string(b[:]) }

var (
	four  = ProxyHeader{Source: netip.MustParseAddrPort("192.0.2.1:4711"), Destination: netip.MustParseAddrPort("198.51.100.1:443")}
	sixes = ProxyHeader{Source: netip.MustParseAddrPort("[2001:db8::1]:4711"), Destination: netip.MustParseAddrPort("[2001:db8::2]:443")}
)

func TestHeader(t *testing.T) {
	version := func(n int, h ProxyHeader) ProxyHeader { h.Version = n; return h }
	tls := version(2, four)
	tls.TLS, tls.Authority = true, "www.example.com"
	for _, c := range []struct {
		name   string
		octets string
		want   ProxyHeader
	}{
		{"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", version(1, four)},
		{"TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n", version(1, sixes)},
		{"TCP6, mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 4711 443\r\n", version(1, four)},
		{"UNKNOWN", "PROXY UNKNOWN\r\n", ProxyHeader{Version: 1, Local: true}},
		{"UNKNOWN, longest", "PROXY UNKNOWN " + strings.TrimSpace(strings.Repeat("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ", 2)) + " 65535 65535\r\n", ProxyHeader{Version: 1, Local: true}},
		{"version 2, TCP4", string(v2(0x21, 0x11, tcp4)), version(2, four)},
		{"version 2, UDP4", string(v2(0x21, 0x12, tcp4)), version(2, four)},
		{"version 2, TCP6", string(v2(0x21, 0x21, tcp6)), version(2, sixes)},
		{"version 2, mapped", string(v2(0x21, 0x21, mapped)), version(2, four)},
		{"version 2, UNIX", string(v2(0x21, 0x31, padded("/run/a"), padded("/run/b"))), ProxyHeader{Version: 2, UNIX: true, SourcePath: "/run/a", DestinationPath: "/run/b"}},
		{"version 2, UNIX, no paths", string(v2(0x21, 0x31, padded(""), padded(""))), ProxyHeader{Version: 2, UNIX: true}},
		{"LOCAL", string(v2(0x20, 0)), ProxyHeader{Version: 2, Local: true}},
		{"LOCAL with addresses", string(v2(0x20, 0x11, tcp4)), ProxyHeader{Version: 2, Local: true}},
		{"LOCAL with something", string(v2(0x20, 0x11, "abc")), ProxyHeader{Version: 2, Local: true}},
		{"TLS and authority", string(v2(0x21, 0x11, tcp4, tlv(4, "\x00\x00"), tlv(2, "www.example.com"), tlv(0x20, "\x01\x00\x00\x00\x00"))), tls},
		{"no TLS", string(v2(0x21, 0x11, tcp4, tlv(0x20, "\x00\x00\x00\x00\x00"), tlv(0xe0, "x"))), version(2, four)},
		{"TLS record too short", string(v2(0x21, 0x11, tcp4, tlv(0x20, "\x01"))), version(2, four)},
		{"largest", string(v2(0x21, 0x11, tcp4, tlv(0xe0, strings.Repeat("x", maxV2-len(tcp4)-3)))), version(2, four)},
	} {
		for _, after := range []string{"", "G", "GET / HTTP/1.1\r\n\r\n", c.octets} {
			h, n, more, err := Header([]byte(c.octets + after))
			if h != c.want || n != len(c.octets) || more || err != nil {
				t.Errorf("%s: %+v, %d of %d octets, more %v, %v", c.name, h, n, len(c.octets), more, err)
			}
		}
		for i := range len(c.octets) {
			if h, n, more, err := Header([]byte(c.octets[:i])); h != (ProxyHeader{}) || n != 0 || !more || err != nil {
				t.Errorf("%s, %d octets: %+v, %d, more %v, %v", c.name, i, h, n, more, err)
			}
		}
	}
	if len(v2(0x21, 0x11, tcp4, tlv(0xe0, strings.Repeat("x", maxV2-len(tcp4)-3)))) != MaxHeader {
		t.Error("the largest header is not MaxHeader octets long")
	}
}

func TestHeaderRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		octets string
		want   error
	}{
		{"HTTP", "GET / HTTP/1.1\r\n", ErrNoHeader},
		{"HTTP/2", "PRI * HTTP/2.0\r\n", ErrNoHeader},
		{"P", "PUT / HTTP/1.1\r\n", ErrNoHeader},
		{"empty line first", "\r\nGET / HTTP/1.1\r\n", ErrNoHeader},
		{"TLS", "\x16\x03\x01", ErrNoHeader},
		{"small letters", "proxy TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", ErrNoHeader},
		{"no space", "PROXYX", ErrNoHeader},
		{"no family", "PROXY \r\n", ErrBadHeader},
		{"other family", "PROXY UDP4 192.0.2.1 198.51.100.1 4711 443\r\n", ErrBadHeader},
		{"line feed alone", "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\n", ErrBadHeader},
		{"two spaces", "PROXY  TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", ErrBadHeader},
		{"more words", "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443 1\r\n", ErrBadHeader},
		{"fewer words", "PROXY TCP4 192.0.2.1 198.51.100.1 4711\r\n", ErrBadHeader},
		{"port", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n", ErrBadHeader},
		{"port with zero in front", "PROXY TCP4 192.0.2.1 198.51.100.1 0443 443\r\n", ErrBadHeader},
		{"families mixed", "PROXY TCP4 2001:db8::1 198.51.100.1 4711 443\r\n", ErrBadHeader},
		{"IPv4 in TCP6", "PROXY TCP6 192.0.2.1 198.51.100.1 4711 443\r\n", ErrBadHeader},
		{"zone", "PROXY TCP6 fe80::1%eth0 2001:db8::2 4711 443\r\n", ErrBadHeader},
		{"107 octets without an end", "PROXY UNKNOWN" + strings.Repeat(" ", 94), ErrBadHeader},
		{"the end is the 108th octet", "PROXY UNKNOWN" + strings.Repeat(" ", 93) + "\r\n", ErrBadHeader},
		{"version 3", string(v2(0x31, 0x11, tcp4)), ErrBadHeader},
		{"other command", string(v2(0x22, 0x11, tcp4)), ErrBadHeader},
		{"other family", string(v2(0x21, 0x41, tcp4)), ErrBadHeader},
		{"other transport", string(v2(0x21, 0x13, tcp4)), ErrBadHeader},
		{"no family", string(v2(0x21, 0x00)), ErrBadHeader},
		{"addresses too short", string(v2(0x21, 0x11, tcp4[:11])), ErrBadHeader},
		{"cut TLV", string(v2(0x21, 0x11, tcp4, "\x02\x00\x09www")), ErrBadHeader},
		{"cut TLV head", string(v2(0x21, 0x11, tcp4, "\x02\x00")), ErrBadHeader},
		// Refused at the length, not when all has come.
		{"too long", string(v2(0x21, 0x11, strings.Repeat("x", maxV2+1))[:prefixV2]), ErrBadHeader},
		{"longest", signatureV2 + "\x21\x11\xff\xff", ErrBadHeader},
		{"LOCAL, too long", signatureV2 + "\x20\x00\x10\x01", ErrBadHeader},
	} {
		if h, n, more, err := Header([]byte(c.octets)); h != (ProxyHeader{}) || n != 0 || more || !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %d, more %v, %v", c.name, h, n, more, err)
		}
	}
	_, _, _, err := Header(v2(0x31, 0x11, tcp4))
	if !errors.Is(err, proxyproto.ErrUnsupportedProtocolVersionAndCommand) {
		t.Errorf("%v does not wrap what the matter is", err)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\nGET"))
	f.Add([]byte("PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add(v2(0x21, 0x11, tcp4, tlv(0x20, "\x01\x00\x00\x00\x00")))
	f.Add(v2(0x21, 0x21, tcp6, tlv(2, "a")))
	f.Add(v2(0x21, 0x31, padded("/a"), padded("/b")))
	f.Add(v2(0x20, 0x11, "abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := bytes.Clone(b)
		h, n, more, err := Header(b)
		if !bytes.Equal(b, whole) {
			t.Fatal("the octets were changed")
		}
		switch {
		case err != nil && !errors.Is(err, ErrNoHeader) && !errors.Is(err, ErrBadHeader), more && len(b) >= MaxHeader,
			(err != nil || more) && (n != 0 || h != (ProxyHeader{})), err != nil && more, n > len(b), err == nil && !more && n == 0:
			t.Fatalf("%+v %d %v %v", h, n, more, err)
		}
		// However the octets arrive, the decision is the same as soon as there is one.
		for i := range b {
			h2, n2, more2, err2 := Header(b[:i:i])
			if !more2 && (more || h2 != h || n2 != n || (err2 == nil) != (err == nil) || errors.Is(err2, ErrNoHeader) != errors.Is(err, ErrNoHeader)) {
				t.Fatalf("%d octets: %+v %d %v, all: %+v %d %v %v", i, h2, n2, err2, h, n, more, err)
			}
		}
		// The library on all of it decides alike and leaves the same octets.
		reader := bufio.NewReader(bytes.NewReader(b))
		parsed, theirs := proxyproto.Read(reader)
		if theirs == nil && !parsed.Command.IsLocal() {
			_, theirs = parsed.TLVs()
		}
		if (err != nil || more) != (theirs != nil) {
			t.Fatalf("%+v more %v, %v; the library says %v", h, more, err, theirs)
		}
		if theirs != nil {
			return
		}
		left, _ := io.ReadAll(reader)
		if len(b)-n != len(left) || h.Local != parsed.Command.IsLocal() || h.Version != int(parsed.Version) {
			t.Fatalf("%+v, %d left; the library: %+v, %d left", h, len(b)-n, parsed, len(left))
		}
		if source, _, ok := parsed.TCPAddrs(); ok && !h.Local && (h.Source != addrPort(source) || !h.Source.IsValid()) {
			t.Fatalf("%v, the library: %v", h.Source, source)
		}
	})
}
