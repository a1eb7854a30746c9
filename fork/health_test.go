package fork

import (
	"testing"
	"time"
)

func TestWeigh(t *testing.T) {
	for _, c := range []struct {
		rss, most, deadly int64
		want              remedy
	}{
		{1 << 40, 0, 0, bear},
		{0, 1, 1, bear}, // it is gone, or nothing is known
		{10, 10, 0, bear},
		{11, 10, 0, replace},
		{11, 10, 11, replace},
		{12, 10, 11, destroy},
		{12, 0, 11, destroy},
		{11, 0, 11, bear},
		{12, 11, 11, destroy},
	} {
		if got := weigh(c.rss, c.most, c.deadly); got != c.want {
			t.Errorf("%d octets, limits %d and %d: %v, want %v", c.rss, c.most, c.deadly, got, c.want)
		}
	}
}

func TestPulse(t *testing.T) {
	// A letter for each look: what the kernel says; in want D is dead, H is halted, L
	// is that a debugger is told of, - is nothing.
	for states, want := range map[string]string{
		"SRD":          "---",
		"Z":            "D",
		"SSX":          "--D",
		"S\x00":        "-D",
		"TTTTTT":       "-H----",
		"ttt":          "-L-",
		"TtTtTT":       "-----H",
		"TSTSTTTT":     "-----H--",
		"TTTTRTTTT":    "-H----H--",
		"ttTT":         "-L-H",
		"DDDDDD":       "------",
		"TTTZ":         "-H-D",
		"IKWP\xffSSSS": "---------",
	} {
		var p pulse
		got := ""
		for i := range len(states) {
			got += map[finding]string{well: "-", died: "D", stopped: "H", traced: "L"}[p.feel(states[i], time.Now())]
		}
		if got != want {
			t.Errorf("%q: %s, want %s", states, got, want)
		}
	}
}

// TestHopeless: a second for each look, a patience of three; an upper-case T in want is
// that it is to be killed.
func TestHopeless(t *testing.T) {
	for states, want := range map[string]string{
		"SSSS":     "----",
		"TTTTT":    "---TT",
		"TTSTTTTT": "------TT",
		"TTtTTTT":  "------T",
		"tttttt":   "------",
		"DDDDDD":   "------",
		"\x00\x00": "--",
	} {
		var p pulse
		got, now := "", time.Now()
		for i := range len(states) {
			now = now.Add(time.Second)
			if p.hopeless(states[i], now, 3*time.Second) {
				got += "T"
			} else {
				got += "-"
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", states, got, want)
		}
	}
	// What feel has found out is believed.
	var p pulse
	now := time.Now()
	for range patientLooks {
		p.feel('T', now)
	}
	if !p.hopeless('T', now, time.Hour) || p.hopeless('S', now, 0) || p.hopeless('T', now, time.Hour) {
		t.Error("what is known of a child is not what was seen")
	}
}
