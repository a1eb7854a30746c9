package pool

import (
	"testing"
	"testing/synctest"
	"time"
)

func idleSince(d time.Duration) func(*Member) {
	return func(m *Member) { m.IdleSince = at(d) }
}

// TestPlanMaxIdle: a worker leaves when it has had nothing to do for long enough,
// and for no other reason.
func TestPlanMaxIdle(t *testing.T) {
	const s = time.Second
	old := at(-time.Hour)
	onDemand := Config{MinServers: NoLimit, MaxServers: 5, MaxIdle: 10 * s}
	for _, test := range []struct {
		name    string
		config  Config
		members []Member
		waiting int
		now     time.Duration
		want    string
		left    int
	}{
		{"not yet", onDemand, []Member{live(1, idleSince(0)), live(2, idleSince(1*s))}, 0, 9 * s, "", 2},
		{"one of them", onDemand, []Member{live(1, idleSince(s)), live(2, idleSince(0))}, 0, 10 * s, "retire 2 idle", 1},
		{"the older one", onDemand, []Member{live(1, idleSince(0)), live(2, idleSince(s))}, 0, 10 * s, "retire 1 idle", 1},
		{"before one that starts", onDemand, []Member{live(1, idleSince(0)), live(2, starting)}, 0, 10 * s, "retire 1 idle", 1},
		{"all", onDemand, []Member{live(1, idleSince(0)), live(2, idleSince(0))}, 0, 10 * s, "retire 2 idle, retire 1 idle", 0},
		{"busy ones stay", onDemand, []Member{live(1, busy), live(2, idleSince(0)), live(3, busy)}, 0, 99 * s, "retire 2 idle", 2},
		{"somebody waits", onDemand, []Member{live(1, idleSince(0))}, 1, 99 * s, "", 1},
		{"one that was not looked at", onDemand, []Member{live(1)}, 0, 99 * s, "", 1},
		{"min_servers", Config{MinServers: 2, MaxServers: 5, MaxIdle: 10 * s},
			[]Member{live(1, idleSince(0)), live(2, idleSince(0)), live(3, idleSince(0))}, 0, 10 * s, "retire 3 idle", 2},
		{"min_spare_servers", Config{MinServers: 1, MinSpareServers: 2, MaxServers: 5, MaxIdle: 10 * s},
			[]Member{live(1, idleSince(0)), live(2, idleSince(0)), live(3, idleSince(0))}, 0, 10 * s, "retire 3 idle", 2},
		{"no limit of number", Config{MinServers: 1, MinSpareServers: 1, MaxServers: 5, MaxIdle: time.Hour},
			[]Member{live(1, idleSince(0)), live(2, idleSince(0)), live(3, idleSince(0))}, 0, 99 * s, "", 3},
		{"a limit of number as well", Config{MinServers: 1, MaxSpareServers: 2, MaxServers: 5, MaxIdle: time.Hour},
			[]Member{live(1, idleSince(0)), live(2, idleSince(0)), live(3, idleSince(0))}, 0, 99 * s, "retire 3 idle", 2},
		{"a fixed number", Config{MaxServers: 2, MaxIdle: s}, []Member{live(1, idleSince(0)), live(2, idleSince(0))}, 0, 99 * s, "", 2},
		{"no such limit", Config{MinServers: NoLimit, MaxServers: 5, CheckForWaiting: time.Hour},
			[]Member{live(1, idleSince(0))}, 0, -s, "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.config.Validate(); err != nil {
				t.Fatal(err)
			}
			c := test.config.WithDefaults()
			d := Plan(&c, &Tally{Generation: 1, Want: len(test.members), Raised: old, Looked: old,
				Members: test.members, Waiting: test.waiting}, at(test.now))
			if got := decided(d); got != test.want || d.Want != test.left {
				t.Errorf("decided %q, wants %d; expected %q, %d", got, d.Want, test.want, test.left)
			}
		})
	}
}

// TestMaxIdle: the time begins anew with each request, also with one that nobody
// saw.
func TestMaxIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MinServers: NoLimit, StartServers: 1, MaxServers: 2, MaxIdle: 10 * time.Second}, &script{})
		v.expect("start 1, ready 1")
		row, line := v.options.Board.Row(0), v.options.Board.Line(0, 0)
		begin := func() { line.Begin(row, 1, []byte("GET"), []byte("/")) }
		time.Sleep(9 * time.Second)
		v.expect("")
		begin()
		line.End()
		time.Sleep(9 * time.Second)
		v.expect("")
		begin()
		time.Sleep(time.Minute)
		v.expect("")
		line.End()
		time.Sleep(9 * time.Second)
		v.expect("")
		time.Sleep(2 * time.Second)
		v.expect("retire 1 idle, exited 1 idle")
		v.stop(0, nil)
	})
}
