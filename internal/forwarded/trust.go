package forwarded

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/bident/bident/internal/access"
)

// Trust is whose word on a client's address is taken. A nil *Trust trusts nobody.
// It is not changed after ParseTrust, so it may be used concurrently.
type Trust struct {
	networks access.Networks
	unix     bool // peers of UNIX sockets
	rfc7239  bool // they write Forwarded, not X-Forwarded-*
}

// words are names for several networks, by what netip calls by this name:
// Addr.IsLoopback, and Addr.IsPrivate (RFC 1918, RFC 4193).
var words = map[string][]netip.Prefix{
	"loopback": {
		netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("::1/128"),
	},
	"private": {
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("fc00::/7"),
	},
}

// ParseTrust reads what proxies are trusted: addresses, networks in CIDR notation,
// "loopback" (127.0.0.0/8, ::1), "private" (10.0.0.0/8, 172.16.0.0/12,
// 192.168.0.0/16, fc00::/7; not loopback), "unix" (whoever comes through a UNIX
// socket). The word "forwarded" says that they write Forwarded (RFC 7239) and not
// X-Forwarded-For. An empty list trusts nobody. The error joins (errors.Join) one
// for each entry that is wrong, and says what would be right.
func ParseTrust(entries []string) (*Trust, error) {
	t := new(Trust)
	var networks []netip.Prefix
	var problems []error
	for i, entry := range entries {
		switch more := words[entry]; {
		case more != nil:
			networks = append(networks, more...)
		case entry == "unix":
			t.unix = true
		case entry == "forwarded":
			t.rfc7239 = true
		default:
			p, err := access.ParseNetwork(entry)
			if err != nil {
				problems = append(problems, fmt.Errorf("trusted_proxy %d (%q) %w, or loopback, private, unix, forwarded", i+1, entry, err))
				continue
			}
			networks = append(networks, p)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if t.rfc7239 && !t.unix && len(networks) == 0 {
		return nil, errors.New(`trusted_proxy names the field ("forwarded") but no proxy: add an address, a network, loopback, private or unix`)
	}
	t.networks = access.NewNetworks(networks)
	return t, nil
}

// Trusts reports whether a is a trusted proxy. An invalid address is the peer of a
// UNIX socket.
func (t *Trust) Trusts(a netip.Addr) bool {
	if t == nil {
		return false
	}
	if !a.IsValid() {
		return t.unix
	}
	return t.networks.Contains(a)
}
