package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bident/bident/httpd"
)

// nameWidth is how much of a pool's name the table of workers shows.
const nameWidth = 12

// pools are sections of the pools that routes have for themselves: what each has
// done and its line of states. They leave half of the frame to what is said of
// the server and to the workers.
func (v *view) pools() []string {
	var out []string
	all := v.now.status.Pools
	for i := range all {
		p := &all[i]
		var before *httpd.StatusTotals
		var upstreams []httpd.StatusUpstream
		if earlier := v.earlier(p.Name); earlier != nil {
			before, upstreams = &earlier.Totals, earlier.Upstreams
		}
		section := []string{
			v.bold(v.cut(fmt.Sprintf("pool %s  %s  generation %d", p.Name, p.Mode, p.Generation))),
			v.cut(v.counter("requests", &p.Totals, before, func(t *httpd.StatusTotals) int64 { return t.Requests }) +
				fmt.Sprintf("  queue %d", p.Totals.Waiting) + rare(&p.Totals) + "  exits" + exitCounts(p.Totals.Exits)),
		}
		section = append(section, v.upstreams(p.Upstreams, upstreams)...)
		section = append(section, v.board(p.Workers)...)
		if len(out)+len(section) > v.height/2 {
			return append(out, v.cut(fmt.Sprintf("... %d pools more", len(all)-i)))
		}
		out = append(out, section...)
	}
	return out
}

// earlier is a pool as it was in the frame before, nil if that is not known.
func (v *view) earlier(name string) *httpd.StatusPool {
	if !v.same() {
		return nil
	}
	for i := range v.before.status.Pools {
		if p := &v.before.status.Pools[i]; p.Name == name {
			return p
		}
	}
	return nil
}

// member is a worker of the server, or of the pool that is named.
type member struct {
	*httpd.StatusWorker
	pool   string
	before *httpd.StatusWorker // nil if it was not there, or nothing is known
}

// workers are those of all pools.
func (v *view) workers() []member {
	var earlier []httpd.StatusWorker
	if v.same() {
		earlier = v.before.status.Workers
	}
	all := members(nil, "", v.now.status.Workers, earlier)
	for i := range v.now.status.Pools {
		p := &v.now.status.Pools[i]
		earlier = nil
		if was := v.earlier(p.Name); was != nil {
			earlier = was.Workers
		}
		all = members(all, p.Name, p.Workers, earlier)
	}
	return all
}

// members adds the workers of one pool.
func members(all []member, name string, now, before []httpd.StatusWorker) []member {
	type key struct{ slot, pid int }
	earlier := make(map[key]*httpd.StatusWorker)
	for i := range before {
		earlier[key{before[i].Slot, before[i].PID}] = &before[i]
	}
	for i := range now {
		all = append(all, member{&now[i], name, earlier[key{now[i].Slot, now[i].PID}]})
	}
	return all
}

// table are the workers of all pools, at most room lines of them under a head.
func (v *view) table(room int) []string {
	workers := v.workers()
	slices.SortStableFunc(workers, func(a, b member) int {
		return cmp.Or(
			cmp.Compare(strings.IndexByte(urgency, letterOf(a.State)), strings.IndexByte(urgency, letterOf(b.State))),
			cmp.Compare(oldest(b.StatusWorker).Age, oldest(a.StatusWorker).Age),
			cmp.Compare(b.Age, a.Age), cmp.Compare(a.pool, b.pool), cmp.Compare(a.Slot, b.Slot))
	})
	head, names := "", len(v.now.status.Pools) > 0
	if names {
		head = fmt.Sprintf("%-*s  ", nameWidth, "POOL")
	}
	out := []string{v.paint("7", v.padded("S  "+head+"SLOT      PID  GEN     REQUESTS     /S  CONNS       AGE     RSS  BUSY  REQUEST"))}
	for i := range workers {
		if i == room-1 && len(workers) > room {
			return append(out, v.cut(fmt.Sprintf("... %d workers more", len(workers)-i)))
		}
		if i >= room {
			break
		}
		w := workers[i]
		per := "-"
		if w.before != nil {
			per = perSecond(w.Requests-w.before.Requests, v.now.at.Sub(v.before.at))
		}
		busy := 0
		for _, l := range w.Lanes {
			if l.State == "W" {
				busy++
			}
		}
		hand := ""
		if l := oldest(w.StatusWorker); l.Request != "" {
			hand = rounded(seconds(l.Age)) + " " + l.Request
		}
		name := ""
		if names {
			name = fmt.Sprintf("%-*.*s  ", nameWidth, nameWidth, w.pool)
		}
		line := v.cut(fmt.Sprintf("%c  %s%4d %8d %4d %12d %6s %6d %9s %7s  %4s  %s", letterOf(w.State), name, w.Slot, w.PID, w.Generation,
			w.Requests, per, w.Connections, rounded(seconds(w.Age)), rss(w.RSS), fmt.Sprintf("%d/%d", busy, len(w.Lanes)), hand))
		if line != "" {
			line = v.paint(colors[line[0]], line[:1]) + line[1:]
		}
		out = append(out, line)
	}
	return out
}

// oldest is the lane whose request has been in hand longest, the zero value if
// none has one.
func oldest(w *httpd.StatusWorker) (found httpd.StatusLane) {
	for _, l := range w.Lanes {
		if l.Request != "" && (found.Request == "" || l.Age > found.Age) {
			found = l
		}
	}
	return found
}
