package access

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	// maxLookups is how many lookups of a List talk to the resolver at a time.
	maxLookups = 64
	// maxNames is how many names of one address are considered. Who owns the
	// address writes the list, and each name costs a lookup.
	maxNames = 8
)

// Resolver is the part of *net.Resolver that Confirmed uses.
type Resolver interface {
	LookupAddr(ctx context.Context, addr string) (names []string, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Confirmed makes a lookup for Rules.Resolver: the names of an address, of which
// those are given that lead back to it. Of more than 8 names the first 8 are
// considered. That there is no name is no error; the error of a lookup that failed
// is given only if no name could be confirmed.
func Confirmed(r Resolver) func(context.Context, netip.Addr) ([]string, error) {
	return func(ctx context.Context, a netip.Addr) ([]string, error) {
		a = plain(a)
		// A *net.Resolver gives an error beside the names if it left some out.
		claimed, failure := r.LookupAddr(ctx, a.String())
		failure = unlessMissing(failure)
		var names []string
		for _, name := range usable(claimed) {
			found, err := r.LookupNetIP(ctx, family(a), name)
			if err = unlessMissing(err); err != nil {
				failure = err
			}
			for _, other := range found {
				if plain(other) == a {
					names = append(names, name)
					break
				}
			}
		}
		if len(names) > 0 {
			return names, nil
		}
		return nil, failure
	}
}

// family gives the network of a for LookupNetIP.
func family(a netip.Addr) string {
	if a.Is4() {
		return "ip4"
	}
	return "ip6"
}

// unlessMissing gives err, or nil if it only says that there is no such record.
func unlessMissing(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil
	}
	return err
}

// usable gives the first names in lower case without the dot at the end, leaving
// out what is no host name: names go to logs and variables as well.
func usable(names []string) []string {
	var good []string
	for _, name := range names[:min(len(names), maxNames)] {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if isHostName(name) {
			good = append(good, name)
		}
	}
	return good
}

// isHostName reports whether name is made of letters, digits, hyphens and
// underscores in labels (RFC 1123 section 2.1; underscores occur in practice), at
// most 253 octets long. The last label has to begin with a letter: resolvers of
// some systems take 10.1, 0x0a000001 and the like for addresses, so that a PTR
// record of this kind would confirm itself.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	top := name[strings.LastIndexByte(name, '.')+1]
	return top >= 'a' && top <= 'z'
}

// flight is a lookup under way.
type flight struct {
	done    chan struct{} // closed when verdict is set
	verdict verdict
}

// fly looks the names of a up, and leaves the verdict in f and in the cache. It
// does not end with the context of whoever asked first: others may be waiting.
func (l *List) fly(a netip.Addr, f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	var names []string
	life := failureLife
	// Deferred, so that nobody waits for a resolver that ended its goroutine.
	defer func() {
		f.verdict = l.judge(a, names)
		l.mu.Lock()
		if life > 0 {
			l.cache.put(a, f.verdict, time.Now().Add(life))
		}
		delete(l.flights, a)
		l.mu.Unlock()
		close(f.done)
	}()
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		life = 0 // nobody was asked, so nothing is known
		return
	}
	found, err := l.resolve(ctx, a)
	if err != nil || ctx.Err() != nil {
		return
	}
	names, life = usable(found), cacheLife
}
