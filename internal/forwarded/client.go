package forwarded

import (
	"bytes"
	"net/netip"
)

// maxHops is how many proxies Client follows. Longer chains are made up.
const maxHops = 64

// Field is a field line of a request. Its name is compared without regard to
// letter case; Client passes over names that do not concern it.
type Field struct{ Name, Value []byte }

// Client gives who sent the request that came from peer with the fields, in the
// order of the field lines: the first address from the right that is not a trusted
// proxy, or the leftmost if all are. An invalid peer is that of a UNIX socket.
//
// If nothing can be believed or there is nothing, client is peer, as it was given.
// Otherwise client is neither mapped nor zoned. port is the client's, 0 if it is
// peer or the port was not told. proto is "http" or "https", as the client used
// it, "" if that was not told. The package's documentation has the rules.
//
// Nothing of the fields is kept, and nothing is allocated.
func (t *Trust) Client(peer netip.Addr, fields ...Field) (client netip.Addr, port uint16, proto string) {
	if !t.Trusts(peer) {
		return peer, 0, ""
	}
	if t.rfc7239 {
		return t.walkForwarded(peer, fields)
	}
	return t.walkXForwarded(peer, fields)
}

func (t *Trust) walkXForwarded(client netip.Addr, fields []Field) (netip.Addr, uint16, string) {
	var port uint16
	hops := 0
	for list := newElements(fields, "X-Forwarded-For"); hops < maxHops; hops++ {
		element, ok := list.previous()
		if !ok {
			break
		}
		a, p, ok := parseNode(unquote(element))
		if !ok {
			break
		}
		client, port = a, p
		if !t.Trusts(client) {
			hops++
			break
		}
	}
	// The element as far from the right as the client's; the leftmost if there
	// are fewer; the rightmost if there is no address.
	var proto []byte
	list := newElements(fields, "X-Forwarded-Proto")
	for range max(1, hops) {
		element, ok := list.previous()
		if !ok {
			break
		}
		proto = element
	}
	return client, port, parseProto(unquote(proto))
}

func (t *Trust) walkForwarded(client netip.Addr, fields []Field) (netip.Addr, uint16, string) {
	var port uint16
	var proto string
	list := newElements(fields, "Forwarded")
	for hop := range maxHops {
		element, ok := list.previous()
		if !ok {
			break
		}
		node, said, ok := parseElement(element)
		if !ok {
			break
		}
		a, p, ok := parseNode(node)
		if ok || hop == 0 {
			proto = parseProto(said)
		}
		if !ok {
			break
		}
		client, port = a, p
		if !t.Trusts(client) {
			break
		}
	}
	return client, port, proto
}

// elements goes through the comma-separated elements of all field lines of one
// name from right to left.
type elements struct {
	fields []Field // those to the left of rest's
	name   string
	rest   []byte // of the value at hand, up to the comma that was the last found
	inside bool   // there is a rest, though it may be empty
}

func newElements(fields []Field, name string) elements {
	return elements{fields: fields, name: name}
}

// previous gives the next element to the left, without white space around it, or
// false behind the leftmost one. It may be empty.
func (e *elements) previous() ([]byte, bool) {
	for !e.inside {
		n := len(e.fields)
		if n == 0 {
			return nil, false
		}
		if f := e.fields[n-1]; equalFold(f.Name, e.name) {
			e.rest, e.inside = f.Value, true
		}
		e.fields = e.fields[:n-1]
	}
	comma := bytes.LastIndexByte(e.rest, ',')
	element := e.rest[comma+1:]
	e.inside = comma >= 0
	e.rest = e.rest[:max(0, comma)]
	return trim(element), true
}

// parseProto gives the scheme of a request. A websocket's is that of the request
// that opened it; some proxies write ws and wss.
func parseProto(b []byte) string {
	switch {
	case equalFold(b, "https"), equalFold(b, "wss"):
		return "https"
	case equalFold(b, "http"), equalFold(b, "ws"):
		return "http"
	}
	return ""
}
