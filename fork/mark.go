package fork

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// protocol is the version of all that parent and child agree on: the mark, the
// descriptors, the messages and the layout of the scoreboard.
const protocol = 4

// markVariable is the environment variable that makes a process a child.
const markVariable = "BIDENT_CHILD"

// errMark says that a process is marked as a child in a way that no parent does.
var errMark = errors.New("fork: " + markVariable + " is malformed")

// mark is what a child must know before it can read anything else. Its first
// field is the protocol version, in every version.
type mark struct {
	version    uint32
	lanes      int
	slots      int
	slot       int
	generation int
	accept     Accept
	addresses  int           // listening sockets from descriptor firstSeat on
	start      time.Duration // how long until somebody must claim the child, 0 for ever
	name       string
}

func (m mark) String() string {
	return fmt.Sprintf("%d:%d:%d:%d:%d:%d:%d:%d:%s", m.version, m.lanes, m.slots, m.slot,
		m.generation, m.accept, m.addresses, m.start.Milliseconds(), m.name)
}

// parseMark reads a mark. Of a mark of another version only the version is read.
func parseMark(text string) (m mark, err error) {
	fields := strings.SplitN(text, ":", 9)
	version, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil {
		return m, fmt.Errorf("%w: version: %w", errMark, err)
	}
	m.version = uint32(version)
	if m.version != protocol {
		return m, nil
	}
	if len(fields) < 9 {
		return m, fmt.Errorf("%w: %d fields", errMark, len(fields))
	}
	var numbers [7]int
	for i := range numbers {
		n, err := strconv.ParseUint(fields[i+1], 10, 31)
		if err != nil {
			return m, fmt.Errorf("%w: %w", errMark, err)
		}
		numbers[i] = int(n)
	}
	m.lanes, m.slots, m.slot, m.generation = numbers[0], numbers[1], numbers[2], numbers[3]
	m.accept, m.addresses = Accept(numbers[4]), numbers[5]
	m.start = time.Duration(numbers[6]) * time.Millisecond
	m.name = fields[8]
	if m.lanes < 1 || m.slot >= m.slots || m.addresses > maxAddresses {
		return m, fmt.Errorf("%w: slot %d of %d with %d lanes, %d addresses",
			errMark, m.slot, m.slots, m.lanes, m.addresses)
	}
	return m, nil
}
