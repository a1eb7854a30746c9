package ferry

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bident/bident/internal/fdpass"
)

// TestEveryConnectionHasOneOwner sends many parcels both ways at once and closes a
// port, or both, in the middle of it: each connection must be where its sender was
// told that it is, and nowhere else.
func TestEveryConnectionHasOneOwner(t *testing.T) {
	before := openFiles(t)
	for range 20 {
		ownersAfterClose(t, 200, rand.IntN(300))
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// ownersAfterClose sends parcels each way, and closes a port after as many have come.
func ownersAfterClose(t *testing.T, parcels, limit int) {
	one, two := sockets(t)
	arrived := make([]atomic.Int32, 2*parcels)
	kept := make([]atomic.Int32, 2*parcels)
	clients := make([]net.Conn, 2*parcels)
	var came atomic.Int32
	enough := make(chan struct{})
	arrive := func(p Parcel) {
		arrived[binary.BigEndian.Uint32(p.Note)].Add(1)
		p.Close()
		if int(came.Add(1)) == limit+1 {
			close(enough)
		}
	}
	pair := [2]*Port{NewPort(one, arrive), NewPort(two, arrive)}
	var all sync.WaitGroup
	for i := range 2 * parcels {
		conn, client := connection(t)
		clients[i] = client
		unread := make([]byte, rand.IntN(2)*rand.IntN(2*maxPiece))
		all.Go(func() {
			err := pair[i%2].Send(Parcel{Conn: conn, Unread: unread, Note: binary.BigEndian.AppendUint32(nil, uint32(i))})
			if err == nil {
				return
			}
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			kept[i].Add(1)
			if err := conn.Close(); err != nil {
				t.Errorf("parcel %d failed and is closed: %v", i, err)
			}
		})
	}
	<-enough
	who := rand.IntN(3)
	for i, p := range pair {
		if who != i {
			all.Go(func() { p.Close() })
		}
	}
	all.Wait()
	for _, p := range pair {
		p.Close()
		p.Wait()
	}
	for i := range clients {
		if n := arrived[i].Load() + kept[i].Load(); n != 1 {
			t.Errorf("parcel %d has %d owners: arrived %d times, kept %d times", i, n, arrived[i].Load(), kept[i].Load())
		}
		mustEnd(t, clients[i])
		clients[i].Close()
	}
}

// TestHostility is a process that says what no port does.
func TestHostility(t *testing.T) {
	type said struct {
		datagram
		descriptors int
	}
	long := make([]said, 0, MaxUnread/maxPiece+1)
	for range cap(long) {
		long = append(long, said{datagram{kind: piece, id: 1, unread: make([]byte, maxPiece)}, 0})
	}
	many := make([]said, 2*Window)
	for i := range many {
		many[i] = said{datagram{kind: whole, id: uint64(i + 1)}, 1}
	}
	before := openFiles(t)
	for name, script := range map[string][]said{
		"no connection":           {{datagram{kind: whole, id: 1}, 0}},
		"one connection too many": {{datagram{kind: whole, id: 1}, 2}},
		"no file":                 {{datagram{kind: whole, id: 1, file: true}, 1}},
		"a file with a piece":     {{datagram{kind: piece, id: 1, unread: []byte("x")}, 1}},
		"a file with an answer":   {{datagram{kind: taken, id: 1}, 1}},
		"an answer to nothing":    {{datagram{kind: taken, id: 1}, 0}},
		"the same parcel twice":   {{datagram{kind: whole, id: 3}, 1}, {datagram{kind: whole, id: 3}, 1}},
		"an older parcel":         {{datagram{kind: whole, id: 3}, 1}, {datagram{kind: whole, id: 2}, 1}},
		"without end":             long,
		"too many":                many,
		"garbage":                 {{datagram{kind: 77, id: 1}, 1}},
		"too long":                {{datagram{kind: piece, id: 1, unread: make([]byte, maxDatagram)}, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := sockets(t)
			conn, client := connection(t)
			fds := []int{int(conn.Fd()), int(conn.Fd()), int(conn.Fd())}
			ended := make(chan error, 1)
			p := NewPortOn(one, Terms{Open: make(chan struct{}), Ended: func(err error) { ended <- err }},
				func(p Parcel) { p.Close() })
			for _, s := range script {
				if fdpass.Send(two, s.append(nil), fds[:s.descriptors]...) != nil {
					break // the port has ended
				}
			}
			if err := <-ended; !errors.Is(err, ErrClosed) || !errors.Is(err, errDatagram) {
				t.Errorf("ended with %v", err)
			}
			conn.Close()
			p.Close()
			p.Wait()
			mustEnd(t, client)
			two.Close()
			client.Close()
		})
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
