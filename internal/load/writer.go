package load

import "net"

// writer sends large requests while the connection's loop reads already: a
// server may answer before it has read everything, and then both sides would
// wait for each other. Its goroutine lives as long as the connection's loop.
type writer struct {
	jobs chan job
	done chan error // one result per job
}

type job struct {
	conn   net.Conn
	octets []byte
}

// writeApart starts to send octets; the result comes on c.writer.done.
func (c *connection) writeApart(octets []byte) {
	if c.writer == nil {
		c.writer = &writer{jobs: make(chan job), done: make(chan error, 1)}
		go func() {
			for j := range c.writer.jobs {
				c.writer.done <- c.send(j.conn, j.octets)
			}
		}()
	}
	c.writer.jobs <- job{c.conn, octets}
}

// stop ends the goroutine, which has no job.
func (w *writer) stop() { close(w.jobs) }
