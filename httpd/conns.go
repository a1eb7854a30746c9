package httpd

// conns is the list of a front's connections.
type conns struct{ first *conn }

func (l *conns) add(c *conn) {
	c.prev, c.next = nil, l.first
	if c.next != nil {
		c.next.prev = c
	}
	l.first = c
}

func (l *conns) remove(c *conn) {
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}
