package fork

import "time"

// remedy is what is done about a child's memory.
type remedy int

const (
	bear    remedy = iota // nothing
	replace               // it is to be replaced, and finishes what it has in hand
	destroy               // it is killed, with what it has in hand
)

// weigh decides about a child that has rss octets of memory, may have most, and is
// not to have more than deadly; 0 is no such limit.
func weigh(rss, most, deadly int64) remedy {
	switch {
	case deadly > 0 && rss > deadly:
		return destroy
	case most > 0 && rss > most:
		return replace
	}
	return bear
}

// patientLooks is how many looks in a row may find a child stopped before that is
// believed: it may be for a moment.
const patientLooks = 2

// finding is what follows from a look at a child.
type finding int

const (
	well    finding = iota // nothing, or nothing new
	died                   // it is dead
	stopped                // it is stopped
	traced                 // a debugger has stopped it
)

// pulse is what the looks at a child have found so far.
type pulse struct {
	letter byte      // 'T' or 't' as long as it is stopped
	since  time.Time // when that was first seen
	looks  int       // how many looks of feel have
}

// feel decides what follows from the state that the kernel has for a child, 0 if
// there is none. That it is stopped is said once.
func (p *pulse) feel(state byte, now time.Time) finding {
	p.see(state, now)
	switch state {
	case 0, 'Z', 'X':
		return died
	case 'T', 't':
		if p.looks++; p.looks != patientLooks {
			return well
		}
		if state == 'T' {
			return stopped
		}
		return traced
	}
	return well
}

// hopeless reports whether a child that is to leave never will, as far as that can be
// told: it is stopped, and feel has found that out, or it has been for all of patience.
// Whoever uses a debugger knows what he does.
func (p *pulse) hopeless(state byte, now time.Time, patience time.Duration) bool {
	p.see(state, now)
	return state == 'T' && (p.looks >= patientLooks || now.Sub(p.since) >= patience)
}

// see notes whether the child is stopped, and since when.
func (p *pulse) see(state byte, now time.Time) {
	if state != 'T' && state != 't' {
		*p = pulse{}
	} else if state != p.letter {
		*p = pulse{letter: state, since: now}
	}
}
