package succession

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestMark(t *testing.T) {
	m := mark{Protocol, 4711, 12}
	if got, err := parseMark(m.String()); err != nil || got != m {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", ":", "x", "1", "1:2", "1:2:3:4", "1:0:3", "1:-5:3", "1:2:-1", "1:2:99999999", "0:2:3", "-1:2:3"} {
		if _, err := parseMark(text); !errors.Is(err, ErrForged) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if m, err := parseMark("2:whatever comes then"); err != ErrProtocol || m.protocol != 2 {
		t.Errorf("another version: %+v, %v", m, err)
	}
}

func FuzzMark(f *testing.F) {
	f.Add(mark{Protocol, 1, 2}.String())
	f.Add("2:x")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMark(text)
		if err != nil {
			return
		}
		if m.pid < 1 || m.sockets < 0 || m.sockets > maxSockets {
			t.Errorf("%q is %+v", text, m)
		}
		if again, err := parseMark(m.String()); err != nil || again != m {
			t.Errorf("%q is %+v and then %+v, %v", text, m, again, err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	good, err := json.Marshal(Manifest{Protocol: Protocol, Generation: 2, Sockets: []Socket{
		{Use: Listen, Network: "tcp", Address: "127.0.0.1:0", Bound: "127.0.0.1:80"}, {Use: Admin},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, 2)
	f.Add([]byte(`{"Protocol":1,"Generation":1,"Sockets":[{"Use":"admin","Index":-1}]}`), 1)
	f.Fuzz(func(t *testing.T, text []byte, sockets int) {
		m, err := parseManifest(text, sockets)
		if err != nil {
			return
		}
		if m.Protocol != Protocol || m.Generation < 1 || len(m.Sockets) != sockets {
			t.Errorf("%s: %+v", text, m)
		}
		for _, s := range m.Sockets {
			if s.Index < 0 || s.Use != Listen && s.Use != Admin || s.FD != 0 {
				t.Errorf("%s: %+v", text, s)
			}
		}
	})
}

func TestManifestOfAnotherVersion(t *testing.T) {
	if _, err := parseManifest([]byte(`{"Protocol":2,"Sockets":"otherwise"}`), 0); err == nil {
		t.Error("accepted")
	}
	if _, err := parseManifest([]byte(`{"Protocol":2}`), 0); !errors.Is(err, ErrProtocol) {
		t.Error(err)
	}
}

func TestHello(t *testing.T) {
	if err := parseHello("1 4711"); err != nil {
		t.Error(err)
	}
	if err := parseHello("2 and more"); !errors.Is(err, ErrProtocol) {
		t.Error(err)
	}
	if err := parseHello("world"); !errors.Is(err, ErrSilent) {
		t.Error(err)
	}
}

// TestTail: the last lines are kept, whatever they are made of.
func TestTail(t *testing.T) {
	var w tail
	w.add([]byte("first\n"))
	for range 1000 {
		w.add([]byte(strings.Repeat("x", 10) + "\n"))
	}
	w.add([]byte("last \xff\n\n"))
	got := w.String()
	if strings.Count(got, "; ") != tailLines-1 || !strings.HasSuffix(got, "; last ?") || strings.Contains(got, "first") {
		t.Errorf("%q", got)
	}
}
