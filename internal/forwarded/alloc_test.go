//go:build !race

package forwarded

import "testing"

func TestClientAllocatesNothing(t *testing.T) {
	tr, rfc := trust(t, "loopback", "private"), trust(t, "loopback", "private", "forwarded")
	peer := address("127.0.0.1")
	for _, c := range []struct {
		tr     *Trust
		fields []Field
		client string
	}{
		{tr, nil, "127.0.0.1"},
		{tr, lines("Host: a", "X-Forwarded-For: 8.8.8.8, 192.0.2.1:80, 10.0.0.1", "X-Forwarded-Proto: https"), "192.0.2.1"},
		{tr, lines("X-Forwarded-For: [2001:db8::1]:80", "X-Forwarded-For: fd00::1"), "2001:db8::1"},
		{rfc, lines(`Forwarded: for="[2001:db8::1]:80";proto=https, for=10.0.0.1`), "2001:db8::1"},
	} {
		if client, _, _ := c.tr.Client(peer, c.fields...); client != address(c.client) {
			t.Fatalf("%q: %v", c.fields, client)
		}
		if n := testing.AllocsPerRun(1000, func() { c.tr.Client(peer, c.fields...) }); n != 0 {
			t.Errorf("%q: %v allocations", c.fields, n)
		}
	}
	// As a caller writes it who has the values in a buffer.
	name, value := []byte("X-Forwarded-For"), []byte("192.0.2.1, 10.0.0.1")
	if n := testing.AllocsPerRun(1000, func() { tr.Client(peer, Field{name, value}) }); n != 0 {
		t.Errorf("fields made on the spot: %v allocations", n)
	}
}
