package access

import (
	"net/netip"
	"time"
)

const (
	// cacheSize is how many addresses a List remembers: enough for the clients
	// of some seconds, small enough (under 200 kB) for one in each process.
	cacheSize = 1024
	// cacheLife is how long they are remembered, since names change.
	cacheLife = time.Minute
	// failureLife is how long a failed lookup is not tried again.
	failureLife = 10 * time.Second
)

// verdict is what expressions say of an address.
type verdict struct {
	match match
	host  string // a confirmed name, "" if there is none
}

// match is the strongest rule among expressions that matched.
type match uint8

const (
	none match = iota
	allowed
	denied
)

// cache remembers verdicts: a ring in which a hand goes round, taking the mark
// from entries that were used since it last came by, and the place of those that
// were not (the clock algorithm). The zero value is empty. It has no lock.
type cache struct {
	places map[netip.Addr]int // in ring
	ring   []entry
	hand   int
}

type entry struct {
	addr    netip.Addr
	verdict verdict
	expires time.Time
	used    bool
}

// get gives the verdict on a, if it is known and has not expired by now.
func (c *cache) get(a netip.Addr, now time.Time) (verdict, bool) {
	place, ok := c.places[a]
	if !ok {
		return verdict{}, false
	}
	e := &c.ring[place]
	if !now.Before(e.expires) {
		return verdict{}, false
	}
	e.used = true
	return e.verdict, true
}

// put remembers the verdict on a until expires.
func (c *cache) put(a netip.Addr, v verdict, expires time.Time) {
	if place, ok := c.places[a]; ok {
		c.ring[place].verdict, c.ring[place].expires = v, expires
		return
	}
	if c.places == nil {
		c.places = make(map[netip.Addr]int)
	}
	fresh := entry{addr: a, verdict: v, expires: expires}
	if len(c.ring) < cacheSize {
		c.places[a] = len(c.ring)
		c.ring = append(c.ring, fresh)
		return
	}
	for c.ring[c.hand].used {
		c.ring[c.hand].used = false
		c.advance()
	}
	delete(c.places, c.ring[c.hand].addr)
	c.ring[c.hand] = fresh
	c.places[a] = c.hand
	c.advance()
}

func (c *cache) advance() { c.hand = (c.hand + 1) % len(c.ring) }
