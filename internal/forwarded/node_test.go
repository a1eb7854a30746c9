package forwarded

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseAddr compares with the standard library.
func FuzzParseAddr(f *testing.F) {
	for _, seed := range []string{
		"", ".", ":", "::", ":::", "::::", "1", "1.2.3.4", "255.255.255.255", "256.0.0.1", "0.0.0.0", "00.0.0.0", "1.2.3", "1.2.3.4.", "1.2.3.4.5", ".1.2.3.4", "1..2.3", "1.2.3.04", "1.2.3.-4",
		"::1", "1::", "1::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3", "1:", ":1", "1:::2", "::1:", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8::",
		"ffff::FFFF", "fffff::", "g::", "::1.2.3.4", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "1.2.3.4::", "::1.2.3.4:1", "::1.2.3", "::1.2.3.256", "1:2:3:4:5:6::1.2.3.4",
		"fe80::1%eth0", "::%", "1.2.3.4%x", "0x1.2.3.4", "00001::", "::00001", " ::1", "::1 ", "\x00", "1\xff::",
		"0000:0000:0000:0000:0000:ffff:255.255.255.255", "0000:0000:0000:0000:0000:0000:0000:0000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseAddr([]byte(text))
		want, err := netip.ParseAddr(text)
		if strings.Contains(text, "%") {
			if ok {
				t.Fatalf("%q has a zone and is %v", text, got)
			}
			return
		}
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q: %v %v, want %v, %v", text, got, ok, want, err)
		}
	})
}

// TestParseAddrReadsWhatIsWritten: addresses of all shapes of zero groups.
func TestParseAddrReadsWhatIsWritten(t *testing.T) {
	for shape := range 256 {
		var octets [16]byte
		for group := range 8 {
			if shape>>group&1 != 0 {
				octets[2*group], octets[2*group+1] = byte(shape), byte(group)
			}
		}
		a := netip.AddrFrom16(octets)
		for _, text := range []string{a.String(), a.StringExpanded(), strings.ToUpper(a.String())} {
			if got, ok := parseAddr([]byte(text)); !ok || got != a {
				t.Errorf("%s: %v %v", text, got, ok)
			}
		}
	}
}
