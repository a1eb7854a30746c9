package pool

import "time"

// sparePoll is how often an elastic pool looks at how many workers are idle: a
// busy worker is no event, because nothing on a request's path may tell the
// supervisor about it.
const sparePoll = 250 * time.Millisecond

// planWant decides how many workers there should be.
//
// A fixed pool wants MaxServers. An elastic one follows Net::Server::PreFork:
// never less than MinServers, never more than MaxServers; at least
// MinSpareServers idle ones, made up for at once; at most MaxSpareServers idle
// ones, let go every CheckForWaiting, not within CheckForSpawn of the last
// raise, not while requests wait and not before they are MinChildTTL old. Without MinSpareServers
// workers are started for the requests that wait. Workers that are to be replaced
// count until they have been told to leave.
//
// Net::Server looks for spare workers that are missing after each request and
// every check_for_waiting, and lets none go within min_child_ttl of the last
// start; here the first is looked for whenever something happens and four times
// a second, min_child_ttl is each worker's own, and the time since the last start
// is check_for_spawn's.
//
// With MaxIdle, which is php-fpm's and not Net::Server's, each worker that has had
// nothing to do for so long is let go, unless it is one of MinSpareServers.
//
// A slot that a lost handler holds counts as a worker once there are more than
// MaxLost of them.
func planWant(c *Config, t *Tally, now time.Time, d *Decision) {
	most := max(0, c.MaxServers-max(0, t.Lost-c.MaxLost))
	if !c.Elastic() {
		d.Want = most
		return
	}
	d.wake(now.Add(sparePoll))
	if t.Raised.IsZero() { // the first decision
		d.Want = min(max(c.StartServers, c.MinServers, t.Want), most)
		d.Raised, d.Looked = now, now
		return
	}
	want := min(max(t.Want, c.MinServers), most)
	ready, idle, busy, old, stale := 0, 0, 0, 0, 0
	for i := range t.Members {
		m := &t.Members[i]
		switch {
		case m.Phase >= PhaseRetiring || m.Spent:
			continue
		case m.Busy:
			busy++
			continue
		case m.Phase == PhaseLive:
			ready++
		}
		idle++ // one that is starting will be idle
		if now.Sub(m.Born) >= c.MinChildTTL {
			old++
		}
		if c.stale(m, now) {
			stale++
		}
	}
	lanes := max(1, c.Concurrency)
	need := busy + c.MinSpareServers + (t.Waiting+lanes-1)/lanes
	if ready == 0 || c.MinSpareServers > 0 {
		if up := min(need, most); up > want {
			want = up
			d.Raised = now
		}
	}
	// While requests wait none is let go: one that takes longer to start than
	// CheckForSpawn would leave before it has served any.
	if t.Waiting == 0 && now.Sub(t.Looked) >= c.CheckForWaiting && now.Sub(d.Raised) >= c.CheckForSpawn {
		d.Looked = now
		if over := min(idle-c.mostSpare(), old); over > 0 {
			want = min(want, max(idle+busy-over, c.MinServers))
		}
	}
	if over := min(idle-c.MinSpareServers, stale); over > 0 && t.Waiting == 0 {
		want = min(want, max(idle+busy-over, c.MinServers))
	}
	d.Want = want
}

// stale reports whether a worker has been idle for too long.
func (c *Config) stale(m *Member, now time.Time) bool {
	return c.MaxIdle > 0 && m.Phase == PhaseLive && !m.Busy && !m.IdleSince.IsZero() && now.Sub(m.IdleSince) >= c.MaxIdle
}

// mostSpare is how many idle workers may stay.
func (c *Config) mostSpare() int {
	switch {
	case c.MaxSpareServers == NoLimit, c.MaxSpareServers == 0 && c.MaxIdle > 0:
		return c.MaxServers
	case c.MaxSpareServers > 0:
		return c.MaxSpareServers
	case c.MinServers == 0:
		return c.MinSpareServers
	}
	return max(c.MinSpareServers, 1)
}
