package httpd

import (
	"net"
	"os"

	"github.com/bident/bident/fork"
)

// exchangeChild answers exchanges with the parent's lanes.
type exchangeChild struct {
	*child
}

func (c *exchangeChild) run() error {
	listeners, err := c.self.Listeners()
	if err != nil {
		return err
	}
	for _, l := range listeners {
		go c.accept(l)
	}
	if err := c.self.Ready(); err != nil {
		return err
	}
	c.title.ready()
	for command := range c.self.Commands() {
		if command.Kind == fork.Retire {
			c.title.retire()
			// The parent's lanes have nothing in hand any more.
			go c.visitors.leave(c.exit)
		}
		if command.Kind == fork.Give {
			c.visitors.receive(command.Name, command.File)
		}
	}
	return nil
}

func (c *exchangeChild) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			c.log.Error("cannot accept from the parent", "error", err)
			os.Exit(1)
		}
		go newResponder(c, conn).run()
	}
}
