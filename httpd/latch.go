package httpd

import (
	"fmt"
	"net"
	"os"

	"github.com/bident/bident/fork"
)

// latchGift is the name of the file, an empty one, by which accepting children learn
// that their server has taken over from an old process. Until then they accept
// nothing: were the upgrade to fail, the old process would not get it.
const latchGift = "latch"

// latch is what keeps a child from accepting. It does not even say in which way it is
// going to wait: that is a property of the sockets, which the old process still uses.
type latch struct {
	shut bool
	held [][]net.Listener // what it is to accept from then
}

// openLatch makes the children of this server accept, those that are there and those
// that will be.
func (r *instance) openLatch() error {
	if r.unlatch == nil {
		return nil
	}
	var err error
	if r.seats != nil {
		err = r.seats.Open()
	}
	if err == nil {
		var f *os.File
		if f, err = os.Open(os.DevNull); err == nil {
			err = r.unlatch(latchGift, f)
		}
	}
	if err != nil {
		return fmt.Errorf("httpd: letting workers accept: %w", err)
	}
	return nil
}

// unlatch begins to accept. It reports false if the command is about something else.
func (c *acceptingChild) unlatch(command fork.Command) bool {
	if command.Kind != fork.Give || command.Name != latchGift || command.File == nil {
		return false
	}
	command.File.Close()
	c.latch.shut = false
	for _, listeners := range c.latch.held {
		if err := c.listen(listeners); err != nil {
			// It has nothing in hand, and who takes its place may be able to.
			c.log.Error("cannot listen", "error", err)
			os.Exit(1)
		}
	}
	c.latch.held = nil
	return true
}
