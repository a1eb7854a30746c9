package forwarded

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

var (
	// ErrNoHeader says that the octets are not the beginning of a PROXY protocol
	// header of version 1 or 2.
	ErrNoHeader = errors.New("no PROXY protocol header")
	// ErrBadHeader says that a PROXY protocol header is malformed or too long.
	ErrBadHeader = errors.New("bad PROXY protocol header")
)

const (
	// maxV1 is the longest header of version 1 (section 2.1: 107 octets with CRLF).
	maxV1 = 107
	// prefixV2 is what a header of version 2 has before the part whose length it
	// tells (section 2.2).
	prefixV2 = 16
	// maxV2 is the longest such part that is accepted. It has a client's
	// certificate at most.
	maxV2 = 4096

	// MaxHeader is how many octets Header needs at most to come to a decision.
	MaxHeader = prefixV2 + maxV2
)

const (
	signatureV1 = "PROXY "
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// ProxyHeader is what a PROXY protocol header says of the connection that the
// proxy has with its client.
type ProxyHeader struct {
	// Version is 1 or 2.
	Version int
	// Local says that the proxy speaks for itself, as in a health check (version
	// 2: LOCAL), or does not know (version 1: UNKNOWN). The connection's own
	// addresses count, and all fields below are zero.
	Local bool
	// Source is the client, Destination where it connected to; not mapped. Both
	// are invalid if the client used a UNIX socket.
	Source, Destination netip.AddrPort
	// UNIX says that it did. The paths may be empty.
	UNIX                        bool
	SourcePath, DestinationPath string
	// TLS says that the client used TLS (PP2_TYPE_SSL with PP2_CLIENT_SSL).
	TLS bool
	// Authority is the host name that the client asked for, usually by SNI
	// (PP2_TYPE_AUTHORITY); "" if it was not told. The client wrote it.
	Authority string
}

// Header reads the PROXY protocol header at the start of b. n is its length; b is
// not looked at behind it. more: b holds only a part of a header, which may become
// a good one; with MaxHeader octets that does not happen. The error is ErrNoHeader
// or ErrBadHeader, which may wrap what the matter is. If there is an error or more
// is needed, n is 0.
func Header(b []byte) (h ProxyHeader, n int, more bool, err error) {
	if n, more, err = measure(b); more || err != nil {
		return ProxyHeader{}, 0, more, err
	}
	if h, err = parse(b[:n]); err != nil {
		return ProxyHeader{}, 0, false, fmt.Errorf("%w: %w", ErrBadHeader, err)
	}
	return h, n, false, nil
}

// measure finds the length of the header.
func measure(b []byte) (n int, more bool, err error) {
	switch {
	case startsLike(b, signatureV1):
		end := bytes.IndexByte(b[:min(len(b), maxV1)], '\n')
		if end >= 0 {
			return end + 1, false, nil
		}
		if len(b) < maxV1 {
			return 0, true, nil
		}
		return 0, false, fmt.Errorf("%w: version 1, no line end in %d octets", ErrBadHeader, maxV1)
	case startsLike(b, signatureV2):
		if len(b) < prefixV2 {
			return 0, true, nil
		}
		length := int(binary.BigEndian.Uint16(b[prefixV2-2:]))
		if length > maxV2 {
			return 0, false, fmt.Errorf("%w: version 2, %d octets, which is more than %d", ErrBadHeader, length, maxV2)
		}
		if n = prefixV2 + length; len(b) < n {
			return 0, true, nil
		}
		return n, false, nil
	default:
		return 0, false, ErrNoHeader
	}
}

// startsLike reports whether b begins with the signature, or is the beginning of it.
func startsLike(b []byte, signature string) bool {
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}

// parse reads a header that is exactly b.
func parse(b []byte) (ProxyHeader, error) {
	// The reader's buffer holds all of version 1: the library wants that at once.
	parsed, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b), 128))
	if err != nil {
		return ProxyHeader{}, err
	}
	h := ProxyHeader{Version: int(parsed.Version)}
	if parsed.Command.IsLocal() {
		h.Local = true
		return h, nil
	}
	switch source := parsed.SourceAddr.(type) {
	case *net.UnixAddr:
		h.UNIX = true
		h.SourcePath = source.Name
		if to, ok := parsed.DestinationAddr.(*net.UnixAddr); ok {
			h.DestinationPath = to.Name
		}
	default:
		h.Source, h.Destination = addrPort(source), addrPort(parsed.DestinationAddr)
		if !h.Source.IsValid() || !h.Destination.IsValid() {
			return ProxyHeader{}, proxyproto.ErrInvalidAddress
		}
	}
	tlvs, err := parsed.TLVs()
	if err != nil {
		return ProxyHeader{}, err
	}
	for _, tlv := range tlvs {
		switch tlv.Type {
		case proxyproto.PP2_TYPE_AUTHORITY:
			h.Authority = string(tlv.Value)
		case proxyproto.PP2_TYPE_SSL:
			const clientSSL = 0x01 // PP2_CLIENT_SSL, in the first octet of five
			h.TLS = len(tlv.Value) >= 5 && tlv.Value[0]&clientSSL != 0
		}
	}
	return h, nil
}

// addrPort gives a TCP or UDP address, without a zone, as IPv4 if it is mapped.
func addrPort(a net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		at = a.AddrPort()
	case *net.UDPAddr:
		at = a.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
