package httpd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/access"
	"github.com/bident/bident/internal/certs"
	"github.com/bident/bident/internal/forwarded"
)

// Access says which clients may use a server: Net::Server's allow, deny,
// cidr_allow, cidr_deny and reverse_lookups. Deny wins; once there is a rule, no
// match means denied; no rule means everybody. Clients of UNIX sockets are let in
// by the sockets' permissions alone.
//
// A client that may not is not answered: its connection is closed. Only one that
// comes through a trusted proxy, or a web server by FastCGI, gets a 403, since the
// connection is theirs; they need no rule. A web server that does not say who the
// client is gets one, too, once there is a rule.
type Access struct {
	// Allow and Deny are regular expressions that match the client's whole
	// address, or with ReverseLookups its whole host name.
	Allow, Deny []string
	// CIDRAllow and CIDRDeny are networks, as 10.0.0.0/8, or single addresses.
	CIDRAllow, CIDRDeny []string
	// ReverseLookups finds the names of clients. A name counts if it leads back
	// to the address.
	ReverseLookups bool
}

// list compiles the rules; it is nil if there are none.
func (a Access) list() (*access.List, error) {
	if len(a.Allow)+len(a.Deny)+len(a.CIDRAllow)+len(a.CIDRDeny) == 0 && !a.ReverseLookups {
		return nil, nil
	}
	l, err := access.Compile(access.Rules{
		Allow: a.Allow, Deny: a.Deny, CIDRAllow: a.CIDRAllow, CIDRDeny: a.CIDRDeny,
		ReverseLookups: a.ReverseLookups,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return l, nil
}

// trusted are the proxies whose word counts; nil if there are none.
func trusted(entries []string) (*forwarded.Trust, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	t, err := forwarded.ParseTrust(entries)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return t, nil
}

// ipOf is the address of a client, invalid for a UNIX socket.
func ipOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	return netip.AddrPort{}
}

// admit finds out who the client of a new connection is and whether it may come
// in. It reports false if the connection is to be closed.
func (c *conn) admit() bool {
	f := c.front
	c.peer = ipOf(c.remote)
	c.host = ""
	before := c.before
	c.before = nil
	known := before != nil && before.admitted // by the process that it comes from
	if c.fcgi {
		return f.welcome(c) // identify looks at its clients
	}
	if f.proxied && !known && !c.readProxy() {
		return false
	}
	if f.limits.MaxConnsPerAddress > 0 && !f.count(c, known) {
		return false
	}
	if f.rules == nil || f.trust != nil && f.trust.Trusts(c.peer.Addr()) {
		return true // identify looks at the clients of a proxy
	}
	if known && before.rules == f.rulesMark {
		c.host = before.host
		return true
	}
	ok, host := f.rules.Allowed(f.life, c.peer.Addr())
	c.host = host
	if !ok {
		f.log.Warn("client denied", "client", c.remote.String(), "host", host)
	}
	return ok
}

// readProxy reads the header of the PROXY protocol, which tells who the client of
// the proxy is.
func (c *conn) readProxy() bool {
	f := c.front
	if f.trust != nil && !f.trust.Trusts(c.peer.Addr()) {
		f.log.Warn("PROXY header from a peer that is not trusted", "client", c.remote.String())
		return false
	}
	var buf [forwarded.MaxHeader]byte
	for have := 0; have < len(buf); {
		n, err := c.socket.Read(buf[have:])
		have += n
		h, used, more, bad := forwarded.Header(buf[:have])
		switch {
		case bad != nil:
			f.log.Warn("malformed PROXY header", "client", c.remote.String(), "error", bad)
			return false
		case !more:
			c.socket.read = append(c.socket.read[:0], buf[used:have]...)
			if !h.Local && h.Source.IsValid() {
				c.peer = h.Source
				c.remote = net.TCPAddrFromAddrPort(h.Source)
				c.local = net.TCPAddrFromAddrPort(h.Destination)
			}
			c.told = h.TLS
			return true
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.overdue():
			return false
		case c.leaves() && c.give(luggage{unread: buf[:have]}), c.front.draining.Load() && !c.secure:
			return false
		default:
			// A late call of the sweeper's; or the front drains, and nobody else
			// can speak TLS with this client.
			_ = c.Conn.SetReadDeadline(time.Time{})
			if c.overdue() {
				return false
			}
		}
	}
	return false
}

// count counts a connection of its client's address. It reports false if there
// are too many, unless it was let in elsewhere; otherwise discount takes it back.
func (f *front) count(c *conn, known bool) bool {
	if !c.peer.IsValid() {
		return true
	}
	a := c.peer.Addr()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.addresses[a] >= f.limits.MaxConnsPerAddress && !known {
		f.log.Warn("too many connections of one address", "client", a.String(), "limit", f.limits.MaxConnsPerAddress)
		return false
	}
	f.addresses[a]++
	c.counted = a
	return true
}

// discount forgets a connection; f.mu is held.
func (f *front) discount(c *conn) {
	if !c.counted.IsValid() {
		return
	}
	if f.addresses[c.counted]--; f.addresses[c.counted] == 0 {
		delete(f.addresses, c.counted)
	}
	c.counted = netip.Addr{}
}

// identify finds the client behind a trusted proxy, request by request. It
// reports false if that client may not use the server.
func (c *conn) identify() bool {
	d, f := c.desk, c.front
	d.client = c.peer
	if c.web != nil {
		c.web.introduce()
		if !d.client.IsValid() {
			return f.rules == nil // nobody knows who it is
		}
	}
	peer := d.client
	if f.trust == nil || !f.trust.Trusts(peer.Addr()) {
		if c.web != nil && f.rules != nil {
			ok, _ := f.rules.Allowed(f.life, peer.Addr())
			return ok
		}
		return true
	}
	fields := d.fields[:0]
	for name, value := range d.ctx.Request.Header.All() {
		switch string(name) {
		case "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded":
			fields = append(fields, forwarded.Field{Name: name, Value: value})
		}
	}
	d.fields = fields
	if len(fields) > 0 {
		addr, port, proto := f.trust.Client(peer.Addr(), fields...)
		if proto != "" {
			*isTLSField.of(&d.ctx.Request) = proto == "https"
		}
		if addr != peer.Addr() {
			d.client = netip.AddrPortFrom(addr, port)
			d.ctx.SetRemoteAddr(net.TCPAddrFromAddrPort(d.client))
		}
	}
	if f.rules == nil {
		return true
	}
	ok, _ := f.rules.Allowed(f.life, d.client.Addr())
	return ok
}

// redirect answers a request over plain HTTP with the place of the same over
// HTTPS (RFC 9110, section 15.4.9: the method stays).
func (c *conn) redirect() bool {
	d, f := c.desk, c.front
	status := fasthttp.StatusPermanentRedirect
	if d.isHead || d.ctx.IsGet() {
		status = fasthttp.StatusMovedPermanently
	}
	place, ok := certs.RedirectTarget(nil, d.ctx.Host(), d.ctx.RequestURI(), f.redirectPort)
	if !ok {
		return c.refuse(fasthttp.StatusBadRequest, "this server is reached by https")
	}
	d.ctx.SetStatusCode(status)
	d.ctx.Response.Header.SetBytesV(fasthttp.HeaderLocation, place)
	d.ctx.SetBodyString("see " + string(place) + "\n")
	return c.answer(&d.ctx.Response)
}

// handshakeTime bounds a handshake: with the time for the first head.
func (f *front) handshakeTime() time.Duration {
	if t := f.limits.HeaderTimeout; t > 0 {
		return t
	}
	return DefaultHeaderTimeout
}
