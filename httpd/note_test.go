package httpd

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestNote(t *testing.T) {
	now := time.Unix(1_700_000_000, 12345)
	for _, n := range []note{
		{},
		{secure: true, opened: now},
		{admitted: true, opened: now, requests: 7, age: 3 * time.Second, rules: 1<<64 - 1, host: "client.example"},
		{
			admitted: true, told: true, last: true, opened: now, source: netip.MustParseAddrPort("192.0.2.7:4711"),
			target: netip.MustParseAddrPort("[2001:db8::1]:443"), host: strings.Repeat("h", noteHost),
		},
	} {
		want := n
		if want.opened.IsZero() {
			want.opened = now
		}
		got, err := readNote(n.encode(), now)
		if err != nil || !got.opened.Equal(want.opened) {
			t.Fatalf("%+v: %+v %v", n, got, err)
		}
		if got.opened = want.opened; got != want {
			t.Errorf("%+v became %+v", want, got)
		}
	}
	if n, err := readNote(nil, now); err != nil || n != (note{}) {
		t.Errorf("no note: %+v %v", n, err)
	}
	if n, err := readNote((&note{opened: now.Add(time.Hour)}).encode(), now); err != nil || n.opened != now {
		t.Errorf("opened in the future: %+v %v", n, err)
	}
}

func TestNoteMalformed(t *testing.T) {
	good := (&note{
		admitted: true, requests: 3, source: netip.MustParseAddrPort("192.0.2.7:4711"),
		target: netip.MustParseAddrPort("192.0.2.8:80"), host: "h",
	}).encode()
	bad := map[string][]byte{
		"version": append([]byte{2}, good[1:]...), "flags": append([]byte{1, 0x80}, good[2:]...),
		"host": append(good[:len(good):len(good)], '\n'), "long host": append(good[:len(good):len(good)], strings.Repeat("h", noteHost)...),
		"not admitted": append([]byte{1, good[1] &^ noteAdmitted}, good[2:]...),
	}
	for n := 1; n < len(good)-1; n++ {
		bad["cut after "+string(rune('0'+n))] = good[:n]
	}
	for name, octets := range bad {
		if n, err := readNote(octets, time.Now()); !errors.Is(err, errNote) || n != (note{}) {
			t.Errorf("%s: %+v %v", name, n, err)
		}
	}
}

func FuzzNote(f *testing.F) {
	f.Add((&note{admitted: true, requests: 3, host: "h", source: netip.MustParseAddrPort("[::1]:1"), target: netip.MustParseAddrPort("1.2.3.4:5")}).encode())
	f.Add([]byte{1})
	now := time.Now()
	f.Fuzz(func(t *testing.T, octets []byte) {
		n, err := readNote(octets, now)
		if err != nil {
			if n != (note{}) {
				t.Fatalf("%+v beside %v", n, err)
			}
			return
		}
		again, err := readNote(n.encode(), now)
		if err != nil || len(octets) > 0 && (again.host != n.host || again.source != n.source || again.requests != n.requests) {
			t.Fatalf("%+v became %+v %v", n, again, err)
		}
	})
}

// TestRulesMark: the mark is that of what decides, not of how it was written down.
func TestRulesMark(t *testing.T) {
	mark := func(change func(*frontConfig)) uint64 {
		var c frontConfig
		change(&c)
		return rulesMark(&c)
	}
	none := mark(func(*frontConfig) {})
	if mark(func(c *frontConfig) { c.Access.Deny, c.Limits.MaxBodySize = []string{}, 7 }) != none {
		t.Error("an empty list is not the absent one")
	}
	for i, change := range []func(*frontConfig){
		func(c *frontConfig) { c.Access.Deny = []string{"a"} },
		func(c *frontConfig) { c.Access.Allow = []string{"a"} },
		func(c *frontConfig) { c.Access.CIDRDeny = []string{"10.0.0.0/8"} },
		func(c *frontConfig) { c.Access.ReverseLookups = true },
		func(c *frontConfig) { c.Trusted = []string{"10.0.0.0/8"} },
	} {
		if mark(change) == none {
			t.Errorf("change %d makes no difference", i)
		}
	}
}
