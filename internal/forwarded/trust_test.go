package forwarded

import (
	"net/netip"
	"strings"
	"testing"
)

func trust(t testing.TB, entries ...string) *Trust {
	t.Helper()
	tr, err := ParseTrust(entries)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTrusts(t *testing.T) {
	for _, c := range []struct {
		entries []string
		yes, no []string // "" is the peer of a UNIX socket
	}{
		{nil, nil, []string{"", "127.0.0.1", "::1", "10.0.0.1"}},
		{[]string{"loopback"}, []string{"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}, []string{"", "128.0.0.1", "::2", "10.0.0.1"}},
		{[]string{"private"}, []string{"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fc00::", "::ffff:10.0.0.1"}, []string{"", "127.0.0.1", "172.32.0.0", "192.169.0.0", "fe80::1", "::1"}},
		{[]string{"unix"}, []string{""}, []string{"127.0.0.1", "::1"}},
		{[]string{"192.0.2.1", "2001:db8::/32", "198.51.100.0/24"}, []string{"192.0.2.1", "2001:db8::1%eth0", "198.51.100.9"}, []string{"", "192.0.2.2", "2001:db9::"}},
	} {
		tr := trust(t, c.entries...)
		for _, a := range c.yes {
			if !tr.Trusts(address(a)) {
				t.Errorf("%v does not trust %q", c.entries, a)
			}
		}
		for _, a := range c.no {
			if tr.Trusts(address(a)) {
				t.Errorf("%v trusts %q", c.entries, a)
			}
		}
	}
	var nobody *Trust
	if nobody.Trusts(netip.Addr{}) || nobody.Trusts(address("127.0.0.1")) {
		t.Error("a nil Trust trusts")
	}
}

func address(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func TestParseTrustNamesEveryProblem(t *testing.T) {
	_, err := ParseTrust([]string{"10.0.0.0/8", "proxy.example.com", "10.0.0.0/40", "Unix", ""})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{`trusted_proxy 2 ("proxy.example.com") is no address`, `trusted_proxy 3 ("10.0.0.0/40") is no network`, `trusted_proxy 4 ("Unix")`, `trusted_proxy 5 ("")`}
	if len(lines) != len(want) {
		t.Fatal(err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) || !strings.HasSuffix(lines[i], "or loopback, private, unix, forwarded") {
			t.Errorf("%s\nwant %s...", lines[i], want[i])
		}
	}
	if _, err := ParseTrust([]string{"forwarded"}); err == nil {
		t.Error("a field to believe, and nobody who writes it")
	}
}
