package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// jsonTime is how the JSON format writes a second; the fraction goes in after
// secondLength octets.
const (
	jsonTime     = "%Y-%m-%dT%H:%M:%S%:z"
	secondLength = len("2006-01-02T15:04:05")
	zoneLength   = len("+00:00")
)

// appendJSON appends e as one line of JSON.
func (f *Format) appendJSON(dst []byte, e *Entry) []byte {
	dst = append(dst, `{"time":"`...)
	dst = appendJSONTime(dst, f.json, e.Arrived)
	dst = append(dst, `","client":"`...)
	dst = appendJSONAddress(dst, e.Client)
	dst = append(dst, `","peer":"`...)
	dst = appendJSONAddress(dst, e.Peer)
	dst = append(dst, `","host":`...)
	dst = appendQuoted(dst, e.Host)
	dst = append(dst, `,"method":`...)
	dst = appendQuoted(dst, e.Method)
	dst = append(dst, `,"target":`...)
	dst = appendQuoted(dst, e.Target)
	dst = append(dst, `,"proto":`...)
	dst = appendQuoted(dst, e.Proto)
	dst = append(dst, `,"status":`...)
	dst = appendSize(dst, int64(e.Status))
	dst = append(dst, `,"bytes":`...)
	dst = appendSize(dst, e.BodySent)
	dst = append(dst, `,"duration_us":`...)
	dst = appendDuration(dst, e.Duration, time.Microsecond)
	dst = append(dst, `,"queue_us":`...)
	dst = appendDuration(dst, e.Queue, time.Microsecond)
	dst = append(dst, `,"referer":`...)
	dst = appendQuoted(dst, e.field("Referer"))
	dst = append(dst, `,"user_agent":`...)
	dst = appendQuoted(dst, e.field("User-Agent"))
	dst = append(dst, `,"id":`...)
	dst = appendQuoted(dst, e.ID)
	dst = append(dst, `,"slot":`...)
	dst = strconv.AppendInt(dst, int64(max(e.Slot, -1)), 10)
	dst = append(dst, `,"pid":`...)
	dst = appendSize(dst, int64(e.PID))
	dst = append(dst, `,"generation":`...)
	dst = appendSize(dst, int64(e.Generation))
	dst = append(dst, `,"served":`...)
	dst = strconv.AppendUint(dst, e.Served, 10)
	dst = append(dst, `,"kept":`...)
	dst = appendSize(dst, int64(e.KeptRequests))
	dst = append(dst, `,"user":`...)
	dst = appendQuoted(dst, e.User)
	dst = append(dst, `,"shed":`...)
	dst = appendQuoted(dst, []byte(e.Shed))
	return append(dst, "}\n"...)
}

// appendJSONAddress appends an address, or nothing for none.
func appendJSONAddress(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return dst
	}
	return bareAddress(a).AppendTo(dst)
}

// appendJSONTime appends an instant with microseconds: the remembered second,
// opened before its zone to let the fraction in.
func appendJSONTime(dst []byte, c *clock, nanos int64) []byte {
	start := len(dst)
	dst = c.append(dst, nanos)
	fraction := nanos % 1e9
	if fraction < 0 {
		fraction += 1e9
	}
	var zone [zoneLength]byte
	copy(zone[:], dst[start+secondLength:])
	dst = append(dst[:start+secondLength], '.')
	dst = appendPadded(dst, int(fraction/1e3), 6, '0')
	return append(dst, zone[:]...)
}
