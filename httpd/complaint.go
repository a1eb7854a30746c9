package httpd

import "log/slog"

// complaintMost is how much of what a program says on its error stream while it
// answers one request gets into the log.
const complaintMost = 64 << 10

// complaint counts what it has said in the request in hand.
type complaint struct{ octets int64 }

// take is what may be logged of a further piece.
func (c *complaint) take(p []byte) []byte {
	left := max(complaintMost-c.octets, 0)
	c.octets += int64(len(p))
	return p[:min(left, int64(len(p)))]
}

// end is called at the end of a request: the log learns how much it has not got.
func (c *complaint) end(log *slog.Logger, of crew, what []byte) {
	if dropped := c.octets - complaintMost; dropped > 0 {
		log.Warn("the program has said more than is logged of one request", "dropped", dropped,
			"slot", of.slot, "pid", of.pid, "request", string(what))
	}
	c.octets = 0
}
