package load

import (
	"slices"
	"time"
)

// Waits tells how evenly a server treated its clients, the connections.
type Waits struct {
	// Longest is the longest time that any connection waited for an answer, or for
	// what it got instead; Median is the median of the connections' longest ones.
	// Requests that were waiting when the interval began count from when they
	// were sent, and those at its end until they were answered.
	Longest, Median time.Duration
	// Fewest and Most are the answers in the interval of the connection that had
	// the fewest, and the most.
	Fewest, Most uint64
	// Starved connections had less than a tenth of the mean of them all, or waited
	// for nothing.
	Starved int
}

// waited is one connection's part of it.
type waited struct {
	longest int64 // nanoseconds
	answers uint64
}

// waits sums up what the connections have waited.
func waits(all []waited) Waits {
	if len(all) == 0 {
		return Waits{}
	}
	var w Waits
	var sum uint64
	longest := make([]int64, len(all))
	w.Fewest = all[0].answers
	for i, one := range all {
		longest[i] = one.longest
		sum += one.answers
		w.Fewest, w.Most = min(w.Fewest, one.answers), max(w.Most, one.answers)
	}
	slices.Sort(longest)
	w.Longest, w.Median = time.Duration(longest[len(longest)-1]), time.Duration(longest[len(longest)/2])
	for _, one := range all {
		none := one.answers == 0 && one.longest > 0
		if none || float64(one.answers) < float64(sum)/float64(len(all))/10 {
			w.Starved++
		}
	}
	return w
}

// wait notes that the connection has waited since began, for an answer or for
// less.
func (c *connection) wait(began int64, answered bool) {
	begin, end := c.run.begin.Load(), c.run.end.Load()
	if c.seen < begin {
		return
	}
	c.waited.longest = max(c.waited.longest, c.seen-began)
	if answered && c.seen < end {
		c.waited.answers++
	}
}
