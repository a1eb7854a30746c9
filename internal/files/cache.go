package files

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// The table has 4096 places in groups of 4: a name may be in any place of its
// group.
const (
	ways   = 4
	groups = 1024
)

// cache remembers entries by name, a bounded number of them within a budget of
// octets. Finding one takes no lock.
type cache struct {
	seed  maphash.Seed
	limit int64

	places [ways * groups]atomic.Pointer[entry]

	mu   sync.Mutex // held to change places, and guards what follows
	size int64
	hand int
}

func newCache(limit int64) *cache { return &cache{seed: maphash.MakeSeed(), limit: limit} }

// get finds the entry of name, which does not end with NUL, or nil.
func (c *cache) get(hash uint64, name []byte) *entry {
	group := hash % groups * ways
	for i := group; i < group+ways; i++ {
		e := c.places[i].Load()
		if e != nil && e.hash == hash && e.path() == string(name) {
			if !e.used.Load() { // mostly a read: the line stays shared
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

// put remembers e, in the place of what had its name, of nothing, or of one that
// was not used lately.
func (c *cache) put(e *entry) {
	if e.cost > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	group := int(e.hash % groups * ways)
	place := -1
	for i := group; i < group+ways; i++ {
		old := c.places[i].Load()
		if old != nil && old.hash == e.hash && old.name == e.name {
			place = i
			break
		}
		if old == nil && place < 0 {
			place = i
		}
	}
	if place < 0 {
		place = group + c.hand%ways
		for i := group; i < group+ways; i++ {
			if !c.places[i].Load().used.Swap(false) {
				place = i
				break
			}
		}
	}
	c.remove(place)
	c.places[place].Store(e)
	e.place = place
	c.size += e.cost
	c.shrink()
}

// grow charges n octets more to e, if it is in the table.
func (c *cache) grow(e *entry, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places[e.place].Load() != e {
		return
	}
	e.cost += n
	c.size += n
	c.shrink()
}

// drop forgets e.
func (c *cache) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places[e.place].Load() == e {
		c.remove(e.place)
	}
}

func (c *cache) remove(place int) {
	if old := c.places[place].Load(); old != nil {
		c.size -= old.cost
		c.places[place].Store(nil)
	}
}

// shrink returns to the budget: the hand goes round, and takes what was not used
// since it came by (the clock algorithm). Two rounds take everything.
func (c *cache) shrink() {
	for n := 0; c.size > c.limit && n < 2*len(c.places); n++ {
		c.hand = (c.hand + 1) % len(c.places)
		if e := c.places[c.hand].Load(); e != nil && !e.used.Swap(false) {
			c.remove(c.hand)
		}
	}
}
