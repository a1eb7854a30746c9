//go:build !race

package access

import (
	"net/netip"
	"testing"
)

func TestAllowedAllocatesNothing(t *testing.T) {
	four, six, mapped := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:10.1.2.3")
	for name, l := range map[string]*List{
		"no rules": compile(t, Rules{}),
		"networks": thousands(t),
		"expressions, cached": compile(t, Rules{
			Allow: []string{`10\..*`}, Deny: []string{`11\..*`}, CIDRAllow: []string{"::/0"},
		}),
		"names, cached": compile(t, Rules{
			Allow: []string{`10\..*`, `.*\.example\.com`}, ReverseLookups: true, Resolver: Confirmed(testZone()),
		}),
	} {
		ctx := t.Context()
		for _, a := range []netip.Addr{four, six, mapped} {
			l.Allowed(ctx, a)
			if n := testing.AllocsPerRun(1000, func() { l.Allowed(ctx, a) }); n != 0 {
				t.Errorf("%s: %v: %v allocations", name, a, n)
			}
		}
	}
}
