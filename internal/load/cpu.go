package load

import "time"

// CPU is processor time, in user code and in the system.
type CPU struct {
	User   time.Duration
	System time.Duration
}

// Total is both together.
func (c CPU) Total() time.Duration { return c.User + c.System }

func (c CPU) minus(earlier CPU) CPU {
	return CPU{c.User - earlier.User, c.System - earlier.System}
}

// meter is one reading of all processor clocks.
type meter struct {
	own     CPU
	servers time.Duration
}

// readMeter reads the clocks of this process and of the servers.
func readMeter(servers []int) (meter, error) {
	used, err := serversCPU(servers)
	return meter{ownCPU(), used}, err
}
