package fork

import "testing"

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
	// A letter for each look: what the kernel says; upper-case D in want is dead,
	// L is told, - is nothing.
	for states, want := range map[string]string{
		"SRD":          "---",
		"Z":            "D",
		"SSX":          "--D",
		"S\x00":        "-D",
		"TTTTTT":       "--L---",
		"ttt":          "--L",
		"TTSTTSTTTT":   "--------L-",
		"TTTTRTTTT":    "--L----L-",
		"DDDDDD":       "------",
		"TTTZ":         "--LD",
		"IKWP\xffSSSS": "---------",
	} {
		var p pulse
		got := ""
		for i := range len(states) {
			switch dead, tell := p.feel(states[i]); {
			case dead:
				got += "D"
			case tell:
				got += "L"
			default:
				got += "-"
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", states, got, want)
		}
	}
}
