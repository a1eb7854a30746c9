package fork

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
// told.
const patientLooks = 2

// pulse is what the looks at a child have found so far.
type pulse struct {
	stopped int // looks in a row
}

// feel decides what follows from the state that the kernel has for a child, 0 if
// there is none: whether it is dead, and whether somebody is to be told that it
// does not run.
func (p *pulse) feel(state byte) (dead, tell bool) {
	switch state {
	case 0, 'Z', 'X':
		return true, false
	case 'T', 't': // stopped, or by a debugger
		p.stopped++
		return false, p.stopped == patientLooks+1
	}
	p.stopped = 0
	return false, false
}
