package access

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func prefixes(t testing.TB, texts ...string) []netip.Prefix {
	t.Helper()
	var all []netip.Prefix
	for _, text := range texts {
		p, err := ParseNetwork(text)
		if err != nil {
			t.Fatalf("%q %v", text, err)
		}
		all = append(all, p)
	}
	return all
}

func TestNetworksContains(t *testing.T) {
	for _, c := range []struct {
		networks []string
		in, out  []string
	}{
		{nil, nil, []string{"0.0.0.0", "::", "127.0.0.1"}},
		{[]string{"10.0.0.0/8"}, []string{"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"}, []string{"9.255.255.255", "11.0.0.0", "::10.1.2.3", "a00::"}},
		{[]string{"0.0.0.0/0"}, []string{"0.0.0.0", "255.255.255.255", "::ffff:0.0.0.0"}, []string{"::", "::1"}},
		{[]string{"::/0"}, []string{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::fffe:ffff:ffff"}, []string{"1.2.3.4", "::ffff:1.2.3.4"}},
		{[]string{"0.0.0.0/0", "::/0"}, []string{"::", "0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, nil},
		{[]string{"2001:db8::/32"}, []string{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::1%eth0"}, []string{"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"}},
		{[]string{"192.0.2.7"}, []string{"192.0.2.7"}, []string{"192.0.2.6", "192.0.2.8"}},
		{[]string{"::1"}, []string{"::1", "::1%lo"}, []string{"::", "::2", "127.0.0.1"}},
		{[]string{"::ffff:192.0.2.0/120"}, []string{"192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9"}, []string{"192.0.3.0"}},
		{[]string{"::ffff:192.0.2.1"}, []string{"192.0.2.1"}, []string{"192.0.2.2"}},
		// Nested, adjacent, in any order, twice.
		{[]string{"10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "10.1.1.0/24"}, []string{"10.0.0.0", "10.1.1.255", "10.200.0.1"}, []string{"11.0.0.0"}},
		{[]string{"10.0.1.0/24", "10.0.0.0/24", "10.0.3.0/24"}, []string{"10.0.0.255", "10.0.1.0", "10.0.3.3"}, []string{"10.0.2.0", "10.0.4.0", "9.255.255.255"}},
		{[]string{"128.0.0.0/1", "255.255.255.255"}, []string{"255.255.255.255", "128.0.0.0"}, []string{"127.255.255.255", "::"}},
		// As Net::CIDR: bits behind the length do not count.
		{[]string{"127.0.0.1/8"}, []string{"127.255.0.1"}, []string{"126.255.255.255"}},
	} {
		n := NewNetworks(prefixes(t, c.networks...))
		for _, a := range c.in {
			if !n.Contains(netip.MustParseAddr(a)) {
				t.Errorf("%v does not contain %s", c.networks, a)
			}
		}
		for _, a := range c.out {
			if n.Contains(netip.MustParseAddr(a)) {
				t.Errorf("%v contains %s", c.networks, a)
			}
		}
		if n.Contains(netip.Addr{}) {
			t.Errorf("%v contains no address at all", c.networks)
		}
	}
}

func TestNewNetworksSkipsInvalid(t *testing.T) {
	n := NewNetworks([]netip.Prefix{{}, netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 33)})
	if !n.Empty() {
		t.Errorf("%v", n)
	}
}

// TestNetworksAgainstOneByOne compares the table with asking each prefix in turn.
func TestNetworksAgainstOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		if random.IntN(2) == 0 {
			// Few values, so that networks overlap and touch.
			return netip.AddrFrom4([4]byte{10, byte(random.IntN(2)), byte(random.IntN(4)), byte(random.Uint32())})
		}
		return netip.AddrFrom16([16]byte{0x20, 1, byte(random.IntN(2)), byte(random.IntN(4)), 15: byte(random.Uint32())})
	}
	for range 200 {
		var networks []netip.Prefix
		for range random.IntN(40) {
			a := address()
			networks = append(networks, netip.PrefixFrom(a, a.BitLen()-random.IntN(a.BitLen()/2)).Masked())
		}
		n := NewNetworks(networks)
		for range 300 {
			a := address()
			want := false
			for _, p := range networks {
				want = want || p.Contains(a)
			}
			if got := n.Contains(a); got != want {
				t.Fatalf("%v contains %v: %v, want %v", networks, a, got, want)
			}
		}
		for i := 1; i < len(n.spans); i++ {
			if n.spans[i-1].touches(n.spans[i]) {
				t.Fatalf("%v: spans %v and %v could be one", networks, n.spans[i-1], n.spans[i])
			}
		}
	}
}
