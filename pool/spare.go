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
// raise and not before they are MinChildTTL old. Without MinSpareServers
// workers are started for the requests that wait.
//
// A slot that a lost handler holds counts as a worker once there are more than
// MaxLost of them.
func planWant(c *Config, t *Tally, now time.Time, fresh []*Member, d *Decision) {
	most := max(0, c.MaxServers-max(0, t.Lost-c.MaxLost))
	if !c.Elastic() {
		d.Want = most
		return
	}
	d.wake(now.Add(sparePoll))
	if t.Raised.IsZero() { // the first decision
		d.Want = min(max(c.StartServers, c.MinServers), most)
		d.Raised, d.Looked = now, now
		return
	}
	want := min(max(t.Want, c.MinServers), most)
	idle, busy := 0, 0
	for _, m := range fresh {
		if m.Busy {
			busy++
		} else {
			idle++ // one that is starting will be idle
		}
	}
	lanes := max(1, c.Concurrency)
	need := busy + c.MinSpareServers + (t.Waiting+lanes-1)/lanes
	if idle == 0 || c.MinSpareServers > 0 {
		if up := min(need, most); up > want {
			want = up
			d.Raised = now
		}
	}
	if now.Sub(t.Looked) >= c.CheckForWaiting && now.Sub(t.Raised) >= c.CheckForSpawn {
		d.Looked = now
		spare := c.MaxSpareServers
		if spare == 0 {
			spare = max(c.MinSpareServers, 1)
			if c.MinServers == 0 && c.MinSpareServers == 0 {
				spare = 0
			}
		}
		if over := idle - spare; over > 0 {
			old := 0
			for _, m := range fresh {
				if !m.Busy && now.Sub(m.Born) >= c.MinChildTTL {
					old++
				}
			}
			want = min(max(len(fresh)-min(over, old), c.MinServers), most)
		}
	}
	d.Want = want
}
