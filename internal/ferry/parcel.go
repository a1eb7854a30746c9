package ferry

import "os"

// Parcel is a client's connection on its way from one process to another. What the
// client has sent and nobody has used yet is Unread, then the octets of File, then
// what is still to be read from Conn.
type Parcel struct {
	Conn   *os.File // the socket
	Unread []byte   // octets that were read and not used
	File   *os.File // more of them, from its beginning to its end; nil for none
	Note   []byte   // what the sender wants the receiver to know
}

// Close closes what the parcel holds.
func (p *Parcel) Close() {
	if p.Conn != nil {
		p.Conn.Close()
	}
	if p.File != nil {
		p.File.Close()
	}
	p.Conn, p.File = nil, nil
}

// Discard closes what the parcel holds and does not wait for that, as Close does if
// somebody has made the connection linger (see fdpass.Discard).
func (p *Parcel) Discard() {
	q := *p
	p.Conn, p.File = nil, nil
	go q.Close()
}
