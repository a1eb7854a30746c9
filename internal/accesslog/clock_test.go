package accesslog

import (
	"sync"
	"testing"
	"time"
)

func TestStrftime(t *testing.T) {
	for _, c := range []struct {
		layout string
		t      time.Time
		want   string
	}{
		{"%a %A %b %B %h", time.Date(2024, 2, 5, 0, 0, 0, 0, time.UTC), "Mon Monday Feb February Feb"},
		{"%c", time.Date(2024, 2, 5, 7, 8, 9, 0, time.UTC), "Mon Feb  5 07:08:09 2024"},
		{"%C %d %D %e %F %y %Y", time.Date(2009, 2, 5, 0, 0, 0, 0, time.UTC), "20 05 02/05/09  5 2009-02-05 09 2009"},
		{"%g %G %V", time.Date(2021, 1, 3, 0, 0, 0, 0, time.UTC), "20 2020 53"},
		{"%g %G %V", time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC), "19 2019 01"},
		{"%H %I %k %l %p %P %r", time.Date(2024, 2, 5, 0, 8, 9, 0, time.UTC), "00 12  0 12 AM am 12:08:09 AM"},
		{"%H %I %k %l %p %P %r", time.Date(2024, 2, 5, 13, 8, 9, 0, time.UTC), "13 01 13  1 PM pm 01:08:09 PM"},
		{"%j %m %M %S %s %R %T %x %X", time.Date(2024, 12, 31, 7, 8, 9, 0, time.UTC), "366 12 08 09 1735628889 07:08 07:08:09 12/31/24 07:08:09"},
		{"%u %w %U %W", time.Date(2024, 1, 7, 0, 0, 0, 0, time.UTC), "7 0 01 01"},
		{"%u %w %U %W", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), "1 1 00 01"},
		{"%j %u %w %U %W", time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), "001 7 0 01 00"},
		{"%U %W", time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC), "53 52"},
		{"%z %:z %Z%%%tx", time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("NST", -(3*3600+1800))), "-0330 -03:30 NST%\tx"},
		{"%z %:z", time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("X", 5*3600+45*60)), "+0545 +05:45"},
		{"plain", time.Time{}, "plain"},
	} {
		l, _, err := parseLayout(c.layout)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(l.append(nil, c.t)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.layout, got, c.want)
		}
	}
}

// TestClockAgrees compares remembered seconds with time.Format while seconds
// come in any order from several goroutines.
func TestClockAgrees(t *testing.T) {
	l, _, err := parseLayout(clf)
	if err != nil {
		t.Fatal(err)
	}
	c := newClock(l)
	var wg sync.WaitGroup
	for g := range int64(4) {
		wg.Go(func() {
			for i := range int64(20000) {
				second := 1_700_000_000 + (i*7919+g*104729)%100_000
				if i%3 == 0 {
					second = 1_700_000_000 + i/1000
				}
				want := time.Unix(second, 0).Format("[02/Jan/2006:15:04:05 -0700]")
				if got := string(c.append(nil, second*1e9+i)); got != want {
					t.Errorf("%d: got %s, want %s", second, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
