package access

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// Networks is a set of addresses, fast to search when it was made of thousands of
// networks. The zero value is empty. It is not changed after NewNetworks, so it
// may be used concurrently.
type Networks struct {
	spans []span // sorted, disjoint; IPv4 before IPv6
}

// span is the addresses from first to last, both included, of one family.
type span struct{ first, last netip.Addr }

// NewNetworks makes one set of the networks, which may overlap. IPv4-mapped
// networks (::ffff:0:0/96 and parts of it) become IPv4; invalid prefixes are
// skipped.
func NewNetworks(networks []netip.Prefix) Networks {
	spans := make([]span, 0, len(networks))
	for _, p := range networks {
		if p = unmapPrefix(p); p.IsValid() {
			spans = append(spans, span{p.Addr(), lastAddr(p)})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.first.Compare(b.first) })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && merged[n-1].touches(s) {
			if s.last.Compare(merged[n-1].last) > 0 {
				merged[n-1].last = s.last
			}
			continue
		}
		merged = append(merged, s)
	}
	return Networks{spans: slices.Clip(merged)}
}

// touches reports whether next, which begins no earlier than s, overlaps s or
// follows it without a gap. The last address of a family has no next one, so
// spans of different families never touch.
func (s span) touches(next span) bool {
	if next.first.Compare(s.last) <= 0 {
		return true
	}
	return s.last.Next() == next.first
}

// Contains reports whether a is in the set. A mapped address is looked up as
// IPv4 and a zone does not count; an invalid address is in no set.
func (n Networks) Contains(a netip.Addr) bool {
	if len(n.spans) == 0 || !a.IsValid() {
		return false
	}
	a = plain(a)
	// The last span that begins at or before a is the only one that can hold it.
	low, high := 0, len(n.spans)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if n.spans[middle].first.Compare(a) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low > 0 && a.Compare(n.spans[low-1].last) <= 0
}

// Empty reports whether the set holds no address.
func (n Networks) Empty() bool { return len(n.spans) == 0 }

// ParseNetwork reads a network in CIDR notation, such as 10.0.0.0/8 or
// 2001:db8::/32, or a single address. The error says what would be right. Bits
// behind the prefix length do not count, as in Net::CIDR: 127.0.0.1/8 is
// 127.0.0.0/8. IPv4-mapped networks come back as IPv4.
func ParseNetwork(s string) (netip.Prefix, error) {
	if strings.ContainsRune(s, '%') {
		return netip.Prefix{}, errors.New("has a zone (%...), which does not count: leave it out")
	}
	if !strings.ContainsRune(s, '/') {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, errors.New("is no address and no network: write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errors.New("is no network: write ADDRESS/BITS, such as 10.0.0.0/8 or 2001:db8::/32 (at most /32 and /128)")
	}
	return unmapPrefix(p), nil
}

// unmapPrefix masks p, and gives it as IPv4 if it holds mapped addresses only.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits of ::ffff:0:0/96
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked()
}

// lastAddr gives the highest address of p, which is valid and masked.
func lastAddr(p netip.Prefix) netip.Addr {
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		fill(b[:], p.Bits())
		return netip.AddrFrom4(b)
	}
	b := p.Addr().As16()
	fill(b[:], p.Bits())
	return netip.AddrFrom16(b)
}

// fill sets all bits of b behind the first n.
func fill(b []byte, n int) {
	for i := range b {
		b[i] |= 0xff >> min(8, max(0, n-8*i))
	}
}

// plain gives a as rules see it: IPv4 if it is mapped, without a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
