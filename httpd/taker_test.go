package httpd

import "testing"

// TestFewest: the choice of a child for a connection.
func TestFewest(t *testing.T) {
	busy := func(n int64, coming int) load { return load{connections: n, coming: coming} }
	for _, c := range []struct {
		name   string
		loads  []load
		turn   int
		single bool
		want   int
	}{
		{"nobody", nil, 0, false, -1},
		{"the only one", []load{busy(9, 3)}, 0, false, 0},
		{"the fewest", []load{busy(3, 0), busy(1, 0), busy(2, 0)}, 0, false, 1},
		{"what is on its way counts", []load{busy(1, 3), busy(3, 0), busy(2, 2)}, 0, false, 1},
		{"equals in turn, first", []load{busy(1, 0), busy(1, 0), busy(1, 0)}, 0, false, 0},
		{"equals in turn, second", []load{busy(1, 0), busy(0, 1), busy(1, 0)}, 1, false, 1},
		{"equals in turn, around", []load{busy(1, 0), busy(2, 0), busy(2, 0)}, 2, false, 0},
		{"silent", []load{{silent: true}, busy(5, 0)}, 0, false, 1},
		{"silent, the other way round", []load{busy(5, 0), {silent: true}}, 0, false, 0},
		{"all silent", []load{{connections: 2, silent: true}, {connections: 1, silent: true}}, 0, false, 1},
		{"silent and barred", []load{{silent: true}, {barred: true}}, 0, false, 0},
		{"barred", []load{{barred: true}, busy(5, 0)}, 0, false, 1},
		{"all barred", []load{{barred: true}, {barred: true}}, 0, false, -1},
		{"many at a time: owing says nothing", []load{{owing: true}, busy(1, 0)}, 0, false, 0},
		{"one at a time: free", []load{busy(1, 0), busy(0, 0)}, 0, true, 1},
		{"one at a time: all busy", []load{busy(1, 0), busy(0, 1), {owing: true}}, 0, true, -1},
		{"one at a time: in turn", []load{busy(0, 0), busy(0, 0), busy(0, 0)}, 2, true, 2},
		{"one at a time: barred", []load{{barred: true}, busy(0, 0)}, 0, true, 1},
	} {
		if got := fewest(c.loads, c.turn, c.single); got != c.want {
			t.Errorf("%s: %d, expected %d", c.name, got, c.want)
		}
	}
}

// FuzzTag: what comes from a child has a tag or has none, and a tag comes back.
func FuzzTag(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(tagged(7, []byte("note")))
	f.Fuzz(func(t *testing.T, p []byte) {
		order, note, ok := untagged(p)
		if ok != (len(p) >= tagSize) || ok && string(tagged(order, note)) != string(p) {
			t.Errorf("%x: %d %x %t", p, order, note, ok)
		}
	})
}
