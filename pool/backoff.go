package pool

import "time"

// Failure is the death of a worker that nobody had asked for.
type Failure struct {
	At time.Time
	// Served says that the worker had been ready and had begun a request: the
	// program works, something else ended it.
	Served bool
}

// The back-off's window and steps.
const (
	failureWindow = time.Minute
	// failureFirst is the pause after the first worker that died without
	// having served anything; each further one doubles it.
	failureFirst = 10 * time.Millisecond
	failureMost  = 30 * time.Second
	// servedFirst is the same for workers that had served, once more than a
	// generous number of them have died within the window.
	servedFirst = 10 * time.Millisecond
	servedMost  = time.Second
	servedGrace = 100
)

// despair is how many workers must die in a row, none of which has served, for the
// log to say that none stays alive.
const despair = 5

// unserved is how many of the last deaths in a row were of workers that had served
// nothing.
func unserved(failures []Failure) (n int) {
	for i := len(failures) - 1; i >= 0 && !failures[i].Served; i-- {
		n++
	}
	return n
}

// Backoff is the time before which no worker should be started, given the
// deaths of the last minute, oldest first; the zero time if at once.
//
// A program that dies before it serves will most likely die again: the pause
// doubles with each death, from 10 ms to 30 s. One that dies of some requests
// is worth replacing at once; only a flood of such deaths is slowed down, to one
// start a second at most.
func Backoff(c *Config, failures []Failure) time.Time {
	var at time.Time
	var unserved, served int
	for _, f := range failures {
		var pause time.Duration
		if f.Served {
			if served++; served > servedGrace+c.MaxServers {
				pause = doubled(servedFirst, (served-servedGrace-c.MaxServers)/8, servedMost)
			}
			// Whoever serves is no crash loop: the count begins anew.
			unserved = 0
		} else {
			unserved++
			pause = doubled(failureFirst, unserved-1, failureMost)
		}
		if pause > 0 {
			if until := f.At.Add(pause); until.After(at) {
				at = until
			}
		}
	}
	return at
}

func doubled(d time.Duration, times int, most time.Duration) time.Duration {
	for range times {
		if d *= 2; d >= most {
			return most
		}
	}
	return d
}
