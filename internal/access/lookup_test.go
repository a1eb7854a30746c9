package access

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var _ Resolver = (*net.Resolver)(nil)

// zone is a resolver with the records of a test.
type zone struct {
	ptr     map[string][]string
	address map[string][]string
	failing map[string]bool // names and addresses that cannot be looked up now
	asked   atomic.Int64    // forward lookups
}

func (z *zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	if z.failing[addr] {
		return nil, &net.DNSError{Err: "server misbehaving", Name: addr, IsTemporary: true}
	}
	if names, ok := z.ptr[addr]; ok {
		return names, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
}

func (z *zone) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	z.asked.Add(1)
	if z.failing[host] {
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	}
	var found []netip.Addr
	for _, text := range z.address[host] {
		if a := netip.MustParseAddr(text); a.Is4() == (network == "ip4") {
			found = append(found, a)
		}
	}
	if found == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return found, nil
}

func testZone() *zone {
	return &zone{
		ptr: map[string][]string{
			"192.0.2.1":    {"WWW.Example.COM."},
			"192.0.2.2":    {"www.example.com."},                   // spoofed: leads to 192.0.2.1
			"192.0.2.3":    {"a.example.net.", "www.example.com."}, // one of two
			"192.0.2.4":    {"nowhere.example.com."},
			"192.0.2.5":    {"10.0.0.1."}, // made to look like an address
			"192.0.2.6":    {"10.0.evil.example."},
			"192.0.2.7":    {"down.example.com."},
			"192.0.2.8":    {"a b.example.com.", "x\nallow.example.com."},
			"192.0.2.9":    {"0xc0000209.", "3221225993."},
			"2001:db8::1":  {"www.example.com."},
			"2001:db8::10": {"six.example.com."},
		},
		address: map[string][]string{
			"www.example.com":        {"192.0.2.1", "2001:db8::1"},
			"a.example.net":          {"192.0.2.3"},
			"10.0.0.1":               {"10.0.0.1"},
			"10.0.evil.example":      {"192.0.2.6"},
			"six.example.com":        {"192.0.2.1"},
			"a b.example.com":        {"192.0.2.8"},
			"x\nallow.example.com":   {"192.0.2.8"},
			"0xc0000209":             {"192.0.2.9"},
			"3221225993":             {"192.0.2.9"},
			"nowhere.example.com.au": {"192.0.2.4"},
		},
		failing: map[string]bool{"192.0.2.77": true, "down.example.com": true},
	}
}

func TestReverseLookups(t *testing.T) {
	lookups := func(r Rules) Rules {
		r.ReverseLookups, r.Resolver = true, Confirmed(testZone())
		return r
	}
	com := lookups(Rules{Allow: []string{`.*\.example\.com`}})
	for _, c := range []struct {
		name    string
		rules   Rules
		address string
		ok      bool
		host    string
	}{
		{"confirmed", com, "192.0.2.1", true, "www.example.com"},
		{"confirmed, mapped", com, "::ffff:192.0.2.1", true, "www.example.com"},
		{"confirmed, IPv6", com, "2001:db8::1%eth0", true, "www.example.com"},
		{"spoofed", com, "192.0.2.2", false, ""},
		{"other family", com, "2001:db8::10", false, ""},
		{"the spoofed one of two", com, "192.0.2.3", false, "a.example.net"},
		{"name without address", com, "192.0.2.4", false, ""},
		{"no record", com, "192.0.2.66", false, ""},
		{"reverse lookup fails", com, "192.0.2.77", false, ""},
		{"forward lookup fails", com, "192.0.2.7", false, ""},
		{"no host name", com, "192.0.2.8", false, ""},
		{"name in the shape of an address", lookups(Rules{Allow: []string{`10\.0\.0\.1`}}), "192.0.2.5", false, ""},
		{"number", lookups(Rules{Allow: []string{`0x.*|\d+`}}), "192.0.2.9", false, ""},
		{"name that a rule for addresses matches", lookups(Rules{Allow: []string{`10\.0\..*`}}), "192.0.2.6", false, "10.0.evil.example"},
		{"the same rule denies it", lookups(Rules{Allow: []string{".*"}, Deny: []string{`10\.0\..*`}}), "192.0.2.6", false, "10.0.evil.example"},
		{"a fixed half does not help an open one", lookups(Rules{Allow: []string{`10\..*|.*\.evil\.example`}}), "192.0.2.6", false, "10.0.evil.example"},
		{"a rule of its own does", lookups(Rules{Allow: []string{`10\..*`, `.*\.evil\.example`}}), "192.0.2.6", true, "10.0.evil.example"},
		{"half of a rule that is not open for the name", lookups(Rules{Allow: []string{`10\..*|.*\.example\.com`}}), "192.0.2.1", true, "www.example.com"},
		{"everybody", lookups(Rules{Allow: []string{".*"}}), "192.0.2.77", true, ""},
		{"no rules, for the log", lookups(Rules{}), "192.0.2.1", true, "www.example.com"},
		{"deny by name wins", lookups(Rules{Deny: []string{`www\..*`}, CIDRAllow: []string{"0.0.0.0/0"}}), "192.0.2.1", false, "www.example.com"},
		{"deny by name, failing lookup", lookups(Rules{Deny: []string{`www\..*`}, CIDRAllow: []string{"0.0.0.0/0"}}), "192.0.2.77", true, ""},
		{"network beside a name", lookups(Rules{Allow: []string{`.*\.example\.org`}, CIDRAllow: []string{"192.0.2.0/24"}}), "192.0.2.1", true, "www.example.com"},
		{"cidr_deny asks nobody", lookups(Rules{Allow: []string{".*"}, CIDRDeny: []string{"192.0.2.0/24"}}), "192.0.2.1", false, ""},
	} {
		l := compile(t, c.rules)
		for range 2 {
			if ok, host := l.Allowed(t.Context(), netip.MustParseAddr(c.address)); ok != c.ok || host != c.host {
				t.Errorf("%s: %s: %v %q, want %v %q", c.name, c.address, ok, host, c.ok, c.host)
			}
		}
	}
}

func TestNamesAreOffByDefault(t *testing.T) {
	l := compile(t, Rules{Allow: []string{`.*\.com`}, Resolver: Confirmed(testZone())})
	if ok, host := l.Allowed(t.Context(), netip.MustParseAddr("192.0.2.1")); ok || host != "" {
		t.Errorf("%v %q", ok, host)
	}
}

// TestConfirmedLimitsNames: who owns the address writes the list.
func TestConfirmedLimitsNames(t *testing.T) {
	z := testZone()
	z.ptr["192.0.2.1"] = append(slices.Repeat([]string{"nowhere.example.com."}, 1000), "www.example.com.")
	names, err := Confirmed(z)(t.Context(), netip.MustParseAddr("192.0.2.1"))
	if names != nil || err != nil || z.asked.Load() != maxNames {
		t.Errorf("%v, %v after %d forward lookups", names, err, z.asked.Load())
	}
}

func TestConfirmedTellsFailureFromAbsence(t *testing.T) {
	confirmed := Confirmed(testZone())
	for address, failed := range map[string]bool{"192.0.2.1": false, "192.0.2.66": false, "192.0.2.4": false, "192.0.2.77": true, "192.0.2.7": true} {
		if _, err := confirmed(t.Context(), netip.MustParseAddr(address)); (err != nil) != failed {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestIsHostName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"localhost": true, "a.b": true, "_x.a-b.c1": true, "1.2.c": true, "xn--p1ai": true, long + ".a": true,
		"": false, ".": false, "a..b": false, ".a": false, "a.": false, "A": false, "a b": false, "a\n": false, "é": false,
		"1.2.3.4": false, "a.1": false, "a.0x1": false, "a.-b": false, "::1": false, long + "a": false,
		strings.Repeat(long+".", 4) + "a": false,
	} {
		if got := isHostName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestLookupDeadline: a resolver that answers nothing, and does not heed its
// context, holds nobody for longer than Timeout.
func TestLookupDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		defer close(stop)
		l := compile(t, Rules{
			Allow: []string{`10\..*`, `.*\.example\.com`}, ReverseLookups: true, Timeout: 3 * time.Second,
			Resolver: func(context.Context, netip.Addr) ([]string, error) { <-stop; return []string{"a.example.com"}, nil },
		})
		for address, want := range map[string]bool{"10.0.0.1": true, "192.0.2.1": false} {
			begin := time.Now()
			ok, host := l.Allowed(t.Context(), netip.MustParseAddr(address))
			if ok != want || host != "" || time.Since(begin) != 3*time.Second {
				t.Errorf("%s: %v %q after %v", address, ok, host, time.Since(begin))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if ok, _ := l.Allowed(ctx, netip.MustParseAddr("192.0.2.2")); ok || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", ok, time.Since(begin))
		}
	})
}

// TestLookupIsShared: those who ask for one address together cause one lookup,
// which goes on when the first of them has left.
func TestLookupIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		answer := make(chan struct{})
		l := compile(t, Rules{
			Allow: []string{`a\.example\.com`}, ReverseLookups: true,
			Resolver: func(context.Context, netip.Addr) ([]string, error) {
				calls.Add(1)
				<-answer
				return []string{"a.example.com"}, nil
			},
		})
		a := netip.MustParseAddr("192.0.2.1")
		gone, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if ok, host := l.Allowed(gone, a); ok || host != "" {
				t.Errorf("the one that left: %v %q", ok, host)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				if ok, host := l.Allowed(t.Context(), a); !ok || host != "a.example.com" {
					t.Errorf("%v %q", ok, host)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(answer)
		wg.Wait()
		if calls.Load() != 1 || len(l.flights) != 0 {
			t.Errorf("%d lookups, %d under way", calls.Load(), len(l.flights))
		}
	})
}

// TestLookupsAreLimited: of many addresses, maxLookups are with the resolver at a
// time.
func TestLookupsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inside, most atomic.Int64
		l := compile(t, Rules{
			ReverseLookups: true,
			Resolver: func(ctx context.Context, _ netip.Addr) ([]string, error) {
				now := inside.Add(1)
				defer inside.Add(-1)
				for {
					if seen := most.Load(); now <= seen || most.CompareAndSwap(seen, now) {
						break
					}
				}
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		var wg sync.WaitGroup
		for i := range 3 * maxLookups {
			wg.Go(func() {
				if ok, _ := l.Allowed(t.Context(), netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})); !ok {
					t.Error("denied without rules")
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if most.Load() != maxLookups || len(l.flights) != 0 || len(l.slots) != 0 {
			t.Errorf("at most %d at a time; %d under way, %d slots taken", most.Load(), len(l.flights), len(l.slots))
		}
	})
}

// TestLookupThatWaitedInVain is no failure: the next one tries again.
func TestLookupThatWaitedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := compile(t, Rules{
			ReverseLookups: true,
			Resolver: func(context.Context, netip.Addr) ([]string, error) {
				<-release
				return []string{"a.example.com"}, nil
			},
		})
		var wg sync.WaitGroup
		for i := range maxLookups {
			wg.Go(func() { l.Allowed(t.Context(), numbered(i)) })
		}
		synctest.Wait()
		last := numbered(maxLookups)
		if ok, host := l.Allowed(t.Context(), last); !ok || host != "" {
			t.Errorf("with all slots taken: %v %q", ok, host)
		}
		wg.Wait()
		close(release)
		synctest.Wait()
		if ok, host := l.Allowed(t.Context(), last); !ok || host != "a.example.com" {
			t.Errorf("with free slots: %v %q", ok, host)
		}
	})
}

// TestLookupsAreRemembered for their time, failures for a shorter one.
func TestLookupsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		var failure error
		l := compile(t, Rules{
			ReverseLookups: true,
			Resolver: func(context.Context, netip.Addr) ([]string, error) {
				calls++
				return []string{"a.example.com"}, failure
			},
		})
		ask := func(after time.Duration, want int, wantHost string) {
			t.Helper()
			<-time.After(after) // of the bubble's clock
			_, host := l.Allowed(t.Context(), netip.MustParseAddr("192.0.2.1"))
			if calls != want || host != wantHost {
				t.Errorf("%d lookups, want %d; %q, want %q", calls, want, host, wantHost)
			}
		}
		ask(0, 1, "a.example.com")
		ask(cacheLife-1, 1, "a.example.com")
		failure = errors.New("no answer")
		ask(1, 2, "")
		ask(failureLife-1, 2, "")
		failure = nil
		ask(1, 3, "a.example.com")
	})
}

// TestResolverThatEndsItsGoroutine leaves nobody waiting.
func TestResolverThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := compile(t, Rules{
			ReverseLookups: true,
			Resolver:       func(context.Context, netip.Addr) ([]string, error) { runtime.Goexit(); return nil, nil },
		})
		begin := time.Now()
		if ok, host := l.Allowed(t.Context(), netip.MustParseAddr("192.0.2.1")); !ok || host != "" || time.Since(begin) != 0 {
			t.Errorf("%v %q after %v", ok, host, time.Since(begin))
		}
		synctest.Wait()
		if len(l.slots) != 0 {
			t.Error("its slot is taken")
		}
	})
}
