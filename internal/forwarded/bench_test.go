package forwarded

import "testing"

func BenchmarkClient(b *testing.B) {
	peer := address("127.0.0.1")
	for _, c := range []struct {
		name   string
		trust  *Trust
		fields []Field
	}{
		{"None", trust(b, "loopback", "private"), lines("Host: a")},
		{"XForwarded", trust(b, "loopback", "private"), lines("X-Forwarded-For: 192.0.2.1, 10.0.0.1", "X-Forwarded-Proto: https")},
		{"Forwarded", trust(b, "loopback", "private", "forwarded"), lines("Forwarded: for=192.0.2.1;proto=https, for=10.0.0.1")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.trust.Client(peer, c.fields...)
			}
		})
	}
}

func BenchmarkHeader(b *testing.B) {
	for name, octets := range map[string][]byte{
		"Version1": []byte("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n"),
		"Version2": v2(0x21, 0x11, tcp4),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, n, _, err := Header(octets); err != nil || n != len(octets) {
					b.Fatal(n, err)
				}
			}
		})
	}
}
