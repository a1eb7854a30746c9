package fork

import "sync"

// commands is what a child has been told and has not read yet. Whoever puts
// something in never waits.
type commands struct {
	out  chan Command
	more chan struct{}

	mu   sync.Mutex
	list []Command
}

func newCommands() *commands {
	return &commands{out: make(chan Command), more: make(chan struct{}, 1)}
}

func (c *commands) put(command Command) {
	c.mu.Lock()
	c.list = append(c.list, command)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// run hands commands out until the process ends.
func (c *commands) run() {
	for range c.more {
		c.mu.Lock()
		list := c.list
		c.list = nil
		c.mu.Unlock()
		for _, command := range list {
			c.out <- command
		}
	}
}
