package access

import (
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"
)

func numbered(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestCacheIsBounded(t *testing.T) {
	var c cache
	now := time.Now()
	for i := range 10 * cacheSize {
		c.put(numbered(i), verdict{match: allowed}, now.Add(cacheLife))
		if len(c.ring) > cacheSize || len(c.places) != len(c.ring) {
			t.Fatalf("%d entries, %d places", len(c.ring), len(c.places))
		}
	}
	for a, place := range c.places {
		if c.ring[place].addr != a {
			t.Fatalf("%v is said to be where %v is", a, c.ring[place].addr)
		}
	}
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	var c cache
	now := time.Now()
	regular := numbered(1 << 20)
	c.put(regular, verdict{match: denied, host: "a.example"}, now.Add(cacheLife))
	for i := range 10 * cacheSize {
		c.put(numbered(i), verdict{match: allowed}, now.Add(cacheLife))
		if v, ok := c.get(regular, now); !ok || v != (verdict{match: denied, host: "a.example"}) {
			t.Fatalf("after %d others: %v %v", i+1, v, ok)
		}
	}
	if _, ok := c.get(numbered(0), now); ok {
		t.Error("the oldest is still there")
	}
}

func TestCacheForgets(t *testing.T) {
	var c cache
	now := time.Now()
	a := numbered(1)
	c.put(a, verdict{match: allowed}, now.Add(cacheLife))
	if _, ok := c.get(a, now.Add(cacheLife-1)); !ok {
		t.Error("forgotten too early")
	}
	if _, ok := c.get(a, now.Add(cacheLife)); ok {
		t.Error("known too long")
	}
	c.put(a, verdict{match: denied}, now.Add(2*cacheLife))
	if v, ok := c.get(a, now.Add(cacheLife)); !ok || v.match != denied || len(c.ring) != 1 {
		t.Errorf("%v %v, %d entries", v, ok, len(c.ring))
	}
}

func TestListInManyHands(t *testing.T) {
	z := testZone()
	l := compile(t, Rules{
		Allow: []string{`.*\.example\.com`, `10\.\d+\.\d+\.[0-4]\d?\d?`}, Deny: []string{`10\.0\.1\..*`},
		CIDRAllow: []string{"198.51.100.0/24"}, CIDRDeny: []string{"10.0.2.0/24"},
		ReverseLookups: true, Resolver: Confirmed(z),
	})
	want := func(i int) bool {
		a := numbered(i).As4()
		return a[2] != 1 && a[2] != 2 && strconv.Itoa(int(a[3]))[0] <= '4'
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 3 * cacheSize {
				if ok, host := l.Allowed(t.Context(), numbered(i)); ok != want(i) || host != "" {
					t.Errorf("%v: %v %q", numbered(i), ok, host)
					return
				}
				if ok, host := l.Allowed(t.Context(), netip.MustParseAddr("192.0.2.1")); !ok || host != "www.example.com" {
					t.Errorf("%v %q", ok, host)
					return
				}
			}
		})
	}
	wg.Wait()
}
