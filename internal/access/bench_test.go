package access

import (
	"net/netip"
	"testing"
)

// thousands is a list of 20,000 networks that do not touch each other.
func thousands(t testing.TB) *List {
	var r Rules
	for i := range 5000 {
		a := netip.AddrFrom4([4]byte{byte(20 + i>>8), byte(i), 128, 0})
		b := netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 8), byte(i)})
		r.CIDRAllow = append(r.CIDRAllow, netip.PrefixFrom(a, 20).String(), netip.PrefixFrom(b, 48).String())
		a, b = netip.AddrFrom4([4]byte{byte(60 + i>>8), byte(i), 128, 0}), netip.AddrFrom16([16]byte{0x24, 1, byte(i >> 8), byte(i)})
		r.CIDRDeny = append(r.CIDRDeny, netip.PrefixFrom(a, 20).String(), netip.PrefixFrom(b, 48).String())
	}
	return compile(t, r)
}

func BenchmarkAllowed(b *testing.B) {
	expressions := Rules{Allow: []string{`10\..*`, `192\.168\..*`, `.*\.example\.com`}, Deny: []string{`10\.9\..*`}}
	names := expressions
	names.ReverseLookups, names.Resolver = true, Confirmed(testZone())
	for _, c := range []struct {
		name    string
		list    *List
		address string
	}{
		{"20000Networks/IPv4", thousands(b), "30.77.130.1"},
		{"20000Networks/IPv6", thousands(b), "2001:1234::1"},
		{"Expressions", compile(b, expressions), "10.1.2.3"},
		{"Names", compile(b, names), "192.0.2.1"},
	} {
		b.Run(c.name, func(b *testing.B) {
			a := netip.MustParseAddr(c.address)
			if ok, _ := c.list.Allowed(b.Context(), a); !ok {
				b.Fatal("denied")
			}
			b.ReportAllocs()
			for b.Loop() {
				c.list.Allowed(b.Context(), a)
			}
		})
	}
}
