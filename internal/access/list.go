package access

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// List is compiled Rules. A nil *List allows everybody. It may be used
// concurrently.
type List struct {
	allow, deny         []pattern
	cidrAllow, cidrDeny Networks
	rules               bool // there is a rule of any kind

	// For reverse lookups; nil and 0 without.
	resolve func(context.Context, netip.Addr) ([]string, error)
	timeout time.Duration
	slots   chan struct{} // one place for each lookup that talks to the resolver

	mu      sync.Mutex
	cache   cache
	flights map[netip.Addr]*flight // lookups under way
}

// Allowed reports whether the client at a may use the server, and its confirmed
// name if reverse lookups are on and found one. An invalid a is a client of a UNIX
// socket, which is allowed. If ctx ends during a lookup, the client has no name
// and is judged by its address. A client that cidr_deny stops is not looked up.
func (l *List) Allowed(ctx context.Context, a netip.Addr) (ok bool, host string) {
	if l == nil || !a.IsValid() || !l.rules && l.resolve == nil {
		return true, ""
	}
	a = plain(a)
	if l.cidrDeny.Contains(a) {
		return false, ""
	}
	var v verdict
	if l.resolve != nil || len(l.allow)+len(l.deny) > 0 {
		v = l.verdict(ctx, a)
	}
	switch v.match {
	case denied:
		return false, v.host
	case allowed:
		return true, v.host
	default:
		return !l.rules || l.cidrAllow.Contains(a), v.host
	}
}

// verdict gives what the expressions say, from the cache if it knows.
func (l *List) verdict(ctx context.Context, a netip.Addr) verdict {
	l.mu.Lock()
	if v, ok := l.cache.get(a, time.Now()); ok {
		l.mu.Unlock()
		return v
	}
	if l.resolve == nil {
		l.mu.Unlock()
		v := l.judge(a, nil)
		l.remember(a, v, cacheLife)
		return v
	}
	f := l.flights[a]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		l.flights[a] = f
		go l.fly(a, f)
	}
	l.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	select {
	case <-f.done:
		return f.verdict
	case <-ctx.Done():
		return l.judge(a, nil)
	}
}

// judge applies the expressions to an address and its confirmed names.
func (l *List) judge(a netip.Addr, names []string) verdict {
	var v verdict
	if len(names) > 0 {
		v.host = names[0]
	}
	text := a.String()
	for _, p := range l.deny {
		if p.matches(text) {
			v.match = denied
			return v
		}
		for _, name := range names {
			if p.matches(name) {
				v.match = denied
				return v
			}
		}
	}
	for _, p := range l.allow {
		if p.matches(text) {
			v.match = allowed
			return v
		}
		for _, name := range names {
			if p.fixes(name) {
				v.match = allowed
				return v
			}
		}
	}
	return v
}

func (l *List) remember(a netip.Addr, v verdict, life time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cache.put(a, v, time.Now().Add(life))
}
