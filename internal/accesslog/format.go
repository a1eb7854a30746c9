package accesslog

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"
)

// Format writes entries as lines. It is safe for concurrent use.
type Format struct {
	items []item
	json  *clock // not nil for the JSON format, which has no items
}

// item is a code of a format, or text between codes.
type item struct {
	what what
	// name is the text, the name of a field or cookie, or the value of an
	// environment variable.
	name  string
	clock *clock
	// end means the end of the answer instead of its beginning.
	end bool
	// statuses restrict the item to answers with one of them, or without if not.
	statuses []int
	not      bool
}

// what is the kind of value that an item writes.
type what uint8

const (
	literal what = iota
	dash
	clientAddress
	peerAddress
	localAddress
	bodySize
	bodySizeCLF
	cookie
	variable
	clientHost
	peerHost
	protocol
	requestField
	answerField
	received
	sent
	transferred
	keptRequests
	requestID
	method
	serverPort
	clientPort
	workerPID
	workerPIDHex
	query
	requestLine
	handler
	status
	timeText
	timeSeconds
	timeMillis
	timeMicros
	timeMilliFraction
	timeMicroFraction
	seconds
	millis
	micros
	user
	path
	serverName
	hostName
	connection
	workerSlot
	workerGeneration
	workerServed
	queueMicros
	queueMillis
	shed
)

// NeedsRequest tells whether Append looks at fields of the request.
func (f *Format) NeedsRequest() bool {
	return f.json != nil || f.has(requestField) || f.has(cookie)
}

// NeedsAnswer tells whether Append looks at fields of the answer.
func (f *Format) NeedsAnswer() bool { return f.has(answerField) }

func (f *Format) has(w what) bool {
	for i := range f.items {
		if f.items[i].what == w {
			return true
		}
	}
	return false
}

// Append appends e to dst as one line, which ends with the only newline in it.
// It allocates nothing but the room that dst lacks, and once a second what the
// new second's writing takes.
func (f *Format) Append(dst []byte, e *Entry) []byte {
	if f.json != nil {
		return f.appendJSON(dst, e)
	}
	for i := range f.items {
		it := &f.items[i]
		switch {
		case it.what == literal:
			dst = append(dst, it.name...)
		case it.statuses != nil && !it.applies(e.Status):
			dst = append(dst, '-')
		default:
			dst = it.append(dst, e)
		}
	}
	return append(dst, '\n')
}

// applies tells whether the item is written for a status.
func (it *item) applies(status int) bool {
	for _, s := range it.statuses {
		if s == status {
			return !it.not
		}
	}
	return it.not
}

// append appends what the item stands for. It is a switch, not a table of
// functions, so that the compiler sees that an Entry can live on a stack.
func (it *item) append(dst []byte, e *Entry) []byte {
	switch it.what {
	case clientAddress:
		return appendAddress(dst, e.Client)
	case peerAddress:
		return appendAddress(dst, e.Peer)
	case localAddress:
		return appendAddress(dst, e.Local)
	case bodySize:
		return appendSize(dst, e.BodySent)
	case bodySizeCLF:
		if e.BodySent > 0 {
			return appendSize(dst, e.BodySent)
		}
	case cookie:
		return appendText(dst, findCookie(e.field("Cookie"), it.name))
	case variable:
		return appendText(dst, []byte(it.name))
	case clientHost:
		return appendHost(dst, e, e.Client)
	case peerHost:
		return appendHost(dst, e, e.Peer)
	case protocol:
		return appendText(dst, e.Proto)
	case requestField:
		return appendText(dst, e.field(it.name))
	case answerField:
		return appendText(dst, e.answerField(it.name))
	case received:
		return appendSize(dst, e.TotalReceived)
	case sent:
		return appendSize(dst, e.TotalSent)
	case transferred:
		return strconv.AppendUint(dst, uint64(max(e.TotalReceived, 0))+uint64(max(e.TotalSent, 0)), 10)
	case keptRequests:
		return appendSize(dst, int64(e.KeptRequests))
	case requestID:
		return appendText(dst, e.ID)
	case method:
		return appendText(dst, e.Method)
	case serverPort:
		return appendKnown(dst, int(e.LocalPort))
	case clientPort:
		return appendKnown(dst, int(e.ClientPort))
	case workerPID:
		return appendKnown(dst, e.PID)
	case workerPIDHex:
		if e.PID > 0 {
			return strconv.AppendInt(dst, int64(e.PID), 16)
		}
	case query:
		if i := bytes.IndexByte(e.Target, '?'); i >= 0 {
			return appendEscaped(dst, e.Target[i:])
		}
		return dst
	case requestLine:
		return appendRequestLine(dst, e)
	case handler:
		return appendText(dst, []byte(e.Handler))
	case status:
		return appendKnown(dst, e.Status)
	case timeText, timeSeconds, timeMillis, timeMicros, timeMilliFraction, timeMicroFraction:
		return it.appendTime(dst, e)
	case seconds:
		return appendDuration(dst, e.Duration, time.Second)
	case millis:
		return appendDuration(dst, e.Duration, time.Millisecond)
	case micros:
		return appendDuration(dst, e.Duration, time.Microsecond)
	case user:
		return appendText(dst, e.User)
	case path:
		target := e.Target
		if i := bytes.IndexByte(target, '?'); i >= 0 {
			target = target[:i]
		}
		return appendText(dst, target)
	case serverName:
		return appendText(dst, []byte(e.Server))
	case hostName:
		if host := withoutPort(e.Host); len(host) > 0 {
			return appendEscaped(dst, host)
		}
		return appendText(dst, []byte(e.Server))
	case connection:
		if e.Connection == Aborted || e.Connection == Kept {
			return append(dst, byte(e.Connection))
		}
	case workerSlot:
		if e.Slot >= 0 {
			return strconv.AppendInt(dst, int64(e.Slot), 10)
		}
	case workerGeneration:
		return appendKnown(dst, e.Generation)
	case workerServed:
		if e.Served > 0 {
			return strconv.AppendUint(dst, e.Served, 10)
		}
	case queueMicros:
		return appendDuration(dst, e.Queue, time.Microsecond)
	case queueMillis:
		return appendDuration(dst, e.Queue, time.Millisecond)
	case shed:
		return appendText(dst, []byte(e.Shed))
	}
	return append(dst, '-')
}

// appendTime appends the instant that the item names.
func (it *item) appendTime(dst []byte, e *Entry) []byte {
	nanos := e.Arrived
	if it.end {
		nanos += int64(max(e.Duration, 0))
	}
	if it.what == timeText {
		return it.clock.append(dst, nanos)
	}
	// Instants before the epoch round down, so that seconds and fraction agree.
	fraction := nanos % 1e9
	second := nanos / 1e9
	if fraction < 0 {
		fraction += 1e9
		second--
	}
	switch it.what {
	case timeSeconds:
		return strconv.AppendInt(dst, second, 10)
	case timeMillis:
		return strconv.AppendInt(dst, second*1e3+fraction/1e6, 10)
	case timeMicros:
		return strconv.AppendInt(dst, second*1e6+fraction/1e3, 10)
	case timeMilliFraction:
		return appendPadded(dst, int(fraction/1e6), 3, '0')
	}
	return appendPadded(dst, int(fraction/1e3), 6, '0')
}

// appendRequestLine appends the first line of the request. HTTP/0.9 has no
// protocol; a request that could not be read may have less.
func appendRequestLine(dst []byte, e *Entry) []byte {
	start := len(dst)
	dst = appendEscaped(dst, e.Method)
	for _, part := range [...][]byte{e.Target, e.Proto} {
		if len(part) == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = appendEscaped(dst, part)
	}
	if len(dst) == start {
		dst = append(dst, '-')
	}
	return dst
}

// appendText appends text from outside, or a dash for none.
func appendText(dst, text []byte) []byte {
	if len(text) == 0 {
		return append(dst, '-')
	}
	return appendEscaped(dst, text)
}

// appendSize appends a number that cannot be negative.
func appendSize(dst []byte, n int64) []byte { return strconv.AppendInt(dst, max(n, 0), 10) }

// appendKnown appends a number, or a dash if it is not positive: not known.
func appendKnown(dst []byte, n int) []byte {
	if n <= 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

// appendDuration appends d in whole units, rounded down.
func appendDuration(dst []byte, d, unit time.Duration) []byte {
	return appendSize(dst, int64(d/unit))
}

// appendHost appends the name of the client if that is who is meant and a name
// is known, else the address.
func appendHost(dst []byte, e *Entry, a netip.Addr) []byte {
	if e.HostName != "" && a == e.Client {
		return appendEscaped(dst, []byte(e.HostName))
	}
	return appendAddress(dst, a)
}

// appendAddress appends an address, IPv4 also if it came in IPv6 clothes, or a
// dash for none.
func appendAddress(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, '-')
	}
	return bareAddress(a).AppendTo(dst)
}

// bareAddress is a as it is written: IPv4 if it is, and with its zone only if
// that is a plain name. A zone that came in a header can hold any octets.
func bareAddress(a netip.Addr) netip.Addr {
	a = a.Unmap()
	zone := a.Zone()
	for i := range len(zone) {
		c := zone[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			continue
		}
		return a.WithZone("")
	}
	return a
}

// withoutPort is the host of a Host field.
func withoutPort(host []byte) []byte {
	colon := bytes.LastIndexByte(host, ':')
	if colon < 0 || bytes.IndexByte(host[colon:], ']') >= 0 {
		return host // no colon, or those of an IPv6 address
	}
	return host[:colon]
}

// findCookie is the value of a cookie in a Cookie field (RFC 6265 section 4.2),
// nil if it is not there. Names are compared without case, as Apache does.
func findCookie(field []byte, name string) []byte {
	for len(field) > 0 {
		pair := field
		if end := bytes.IndexByte(field, ';'); end >= 0 {
			pair, field = field[:end], field[end+1:]
		} else {
			field = nil
		}
		key, value, ok := bytes.Cut(pair, []byte{'='})
		if ok && bytes.EqualFold(bytes.TrimSpace(key), []byte(name)) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}
