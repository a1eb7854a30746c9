package ferry

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

var datagrams = []datagram{
	{kind: piece, id: 1, unread: []byte("GET / HT")},
	{kind: whole, id: 1, file: true, note: []byte("slot 3"), unread: []byte("TP/1.1")},
	{kind: whole, id: 2, note: []byte{}, unread: []byte{}},
	{kind: whole, id: 1 << 63, note: make([]byte, MaxNote), unread: make([]byte, maxPiece)},
	{kind: taken, id: 7, unread: []byte{}},
	{kind: refused, id: 8, unread: []byte{}},
}

func TestDatagrams(t *testing.T) {
	for _, d := range datagrams {
		got, err := decode(d.append(nil))
		if err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v came back as %+v, %v", d, got, err)
		}
	}
}

func TestNotDatagrams(t *testing.T) {
	head := datagram{kind: piece, id: 1}.append(nil)
	for _, data := range [][]byte{
		nil, head[:8], head, // a piece of nothing
		append(datagram{kind: taken, id: 1}.append(nil), 0),
		datagram{kind: taken}.append(nil),
		datagram{kind: afterLast, id: 1}.append(nil),
		append(head, make([]byte, maxPiece+1)...),
		datagram{kind: whole, id: 1}.append(nil)[:headLength+2],
		append(datagram{kind: whole, id: 1}.append(nil)[:headLength], 2, 0, 0),
		append(datagram{kind: whole, id: 1}.append(nil)[:headLength], 0, 0, 1),
		datagram{kind: whole, id: 1, note: make([]byte, MaxNote+1)}.append(nil),
		make([]byte, maxDatagram+1),
	} {
		if d, err := decode(data); !errors.Is(err, errDatagram) {
			t.Errorf("%.20q: %+v, %v", data, d, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, d := range datagrams {
		f.Add(d.append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := decode(data)
		if err != nil {
			if !errors.Is(err, errDatagram) {
				t.Error(err)
			}
			return
		}
		if again := d.append(nil); !bytes.Equal(again, data) {
			t.Errorf("%q came back as %q", data, again)
		}
	})
}

// FuzzHold lets anybody say anything, one datagram after the other: two octets of
// what is fuzzed are the id and the length of each.
func FuzzHold(f *testing.F) {
	f.Add([]byte{1, 9, 1, 8, 2, 9, 2, 8})
	f.Add([]byte{1, 0xff, 2, 0xff, 3, 0xff, 2, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		var h hold
		came := 0
		unread := make([]byte, maxPiece)
		for ; len(script) > 1; script = script[2:] {
			d := datagram{kind: piece, id: uint64(script[0]) + 1, unread: unread[:int(script[1])<<7]}
			if script[1]&1 == 0 {
				d.kind = whole
			}
			last := h.last
			got, complete, err := h.add(d)
			if err != nil {
				return // the port ends
			}
			if complete {
				came += len(got)
			}
			if n := came + len(h.unread); n > MaxUnread || int64(n) != h.octets.Load() {
				t.Fatalf("%d octets are held, %d counted", n, h.octets.Load())
			}
			if d.id < last || complete && h.half != 0 {
				t.Fatalf("parcel %d after %d", d.id, last)
			}
		}
	})
}

func TestOctetsOnTheirWayAreBounded(t *testing.T) {
	var h hold
	unread := make([]byte, maxPiece)
	for id := uint64(1); id <= MaxUnread/maxPiece; id++ {
		if _, _, err := h.add(datagram{kind: whole, id: id, unread: unread}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.add(datagram{kind: piece, id: 1 << 40, unread: unread[:1]}); !errors.Is(err, errDatagram) {
		t.Errorf("one more: %v", err)
	}
}
