package pool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unsafe"
)

// bytesOf is the memory of words, which is aligned as a scoreboard needs it.
func bytesOf(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)
}

func TestScoreboardShared(t *testing.T) {
	words := make([]uint64, ScoreboardSize(3, 2)/8)
	ours, err := NewScoreboard(bytesOf(words), 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := NewScoreboard(bytesOf(words), 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Slots() != 3 || theirs.Lanes() != 2 {
		t.Errorf("%d slots, %d lanes", theirs.Slots(), theirs.Lanes())
	}
	ours.reset(2, 17, 4, 2, 99)
	row := theirs.Row(2)
	row.SetPID(123)
	if row.ID() != 17 || row.Generation() != 4 || row.Limit() != 2 || ours.Row(2).PID() != 123 || row.State() != Starting {
		t.Errorf("row %+v", row)
	}
	tickets := func() (n int) {
		for row.reserve() {
			n++
		}
		return n
	}
	if n := tickets(); n != 2 {
		t.Errorf("%d tickets", n)
	}
	row.unreserve()
	if n := tickets(); n != 1 {
		t.Errorf("%d tickets after one was given back", n)
	}
	if n := theirs.Line(2, 1).Begin(row, 1234, []byte("GET"), []byte("/a?b")); n != 1 {
		t.Errorf("first request is number %d", n)
	}
	v, ok := ours.Line(2, 1).View()
	if !ok || v != (LineView{State: Working, Request: "GET /a?b", Started: 1234}) {
		t.Errorf("view %+v %v", v, ok)
	}
	if ours.Busy(2) != 1 || ours.InHand(2) != "GET /a?b" || ours.Busy(1) != 0 || ours.InHand(1) != "" {
		t.Error("busy lanes")
	}
	theirs.Line(2, 1).End()
	if v, _ := ours.Line(2, 1).View(); v.State != Idle || v.Served != 1 || ours.InHand(2) != "" || ours.Row(2).Begun() != 1 {
		t.Errorf("after End: %+v", v)
	}
	// A child that was killed in the middle of Begin.
	ours.Line(2, 1).sequence.Add(1)
	if _, ok := ours.Line(2, 1).View(); ok {
		t.Error("a line that is being written can be read")
	}
	ours.reset(2, 18, 4, 0, 99)
	theirs.Line(2, 1).Begin(row, 1, []byte("PUT"), []byte("/"))
	if v, ok := ours.Line(2, 1).View(); !ok || v.Request != "PUT /" {
		t.Errorf("after the slot was used again: %+v %v", v, ok)
	}
	if a := uintptr(unsafe.Pointer(ours.Line(1, 0))); unsafe.Sizeof(Row{}) != 128 || unsafe.Sizeof(Line{}) != 256 || a%8 != 0 {
		t.Errorf("row of %d bytes, line of %d at %x", unsafe.Sizeof(Row{}), unsafe.Sizeof(Line{}), a)
	}
}

func TestScoreboardWrongShape(t *testing.T) {
	words := make([]uint64, ScoreboardSize(3, 2)/8+1)
	mem := bytesOf(words)[:ScoreboardSize(3, 2)]
	if _, err := NewScoreboard(mem, 3, 2); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*Scoreboard, error){
		"other slots":    func() (*Scoreboard, error) { return NewScoreboard(mem, 2, 2) },
		"other lanes":    func() (*Scoreboard, error) { return NewScoreboard(mem, 3, 1) },
		"more":           func() (*Scoreboard, error) { return NewScoreboard(mem, 4, 2) },
		"no slots":       func() (*Scoreboard, error) { return NewScoreboard(mem, 0, 2) },
		"negative lanes": func() (*Scoreboard, error) { return NewScoreboard(mem, 3, -2) },
		"overflow":       func() (*Scoreboard, error) { return NewScoreboard(mem, 1<<40, 1<<30) },
		"too short":      func() (*Scoreboard, error) { return NewScoreboard(mem[:100], 3, 2) },
		"no memory":      func() (*Scoreboard, error) { return NewScoreboard(nil, 1, 1) },
		"too long":       func() (*Scoreboard, error) { return NewScoreboard(bytesOf(words), 3, 2) },
		"askew":          func() (*Scoreboard, error) { return NewScoreboard(bytesOf(words)[1:len(mem)+1], 3, 2) },
	} {
		if b, err := open(); !errors.Is(err, ErrScoreboard) || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A reader beside a writer that never rests sees whole requests only.
func TestLineNeverTorn(t *testing.T) {
	b := newBoard(t, 1, 1)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			default:
			}
			c := byte('a' + i%26)
			b.Line(0, 0).Begin(b.Row(0), int64(c), []byte{c}, bytes.Repeat([]byte{c}, i%200))
			b.Line(0, 0).End()
			if i%8 == 0 {
				runtime.Gosched()
			}
		}
	}()
	seen := 0
	for i := 0; seen < 20000 && i < 10_000_000; i++ {
		v, ok := b.Line(0, 0).View()
		if !ok || v.Request == "" {
			runtime.Gosched()
			continue
		}
		seen++
		c := v.Request[:1]
		if v.Request[1:] != " "+strings.Repeat(c, len(v.Request)-2) || v.Started != int64(c[0]) {
			t.Fatalf("torn: %+v", v)
		}
	}
	close(over)
	<-done
	if seen == 0 {
		t.Error("nothing was ever seen")
	}
}

func TestLineText(t *testing.T) {
	b := newBoard(t, 1, 1)
	long := strings.Repeat("x", 500)
	for _, test := range [][3]string{
		{"GET", "/ok", "GET /ok"},
		{"GET", "/" + long, "GET /" + long[:lineText-5]},
		{long, "/", long[:lineText]},
		{long[:lineText-1], "/", long[:lineText-1] + " "},
		{"GET", "/\x1b[2J\r\n\x00\x7f", "GET /?[2J????"},
		{"GET", "/é世", "GET /é世"},
		{"GET", "/\u202e\u0085\u2028", "GET /???"},
		{"GET", "/\xff\xc3", "GET /??"},
		{"", "", " "},
	} {
		b.Line(0, 0).Begin(b.Row(0), 0, []byte(test[0]), []byte(test[1]))
		if v, ok := b.Line(0, 0).View(); !ok || v.Request != test[2] {
			t.Errorf("%q %q: %q", test[0], test[1], v.Request)
		}
	}
	for s, want := range map[State]string{Free: ".", Idle: "_", Lost: "X", Kept: "K", 'Z': "?", 0x41424344: "?"} {
		if s.String() != want {
			t.Errorf("state %d is shown as %q", s, s.String())
		}
	}
}

// Whatever a child writes into the memory that it shares, a reader neither
// panics nor shows what cannot be printed.
func FuzzScoreboardGarbage(f *testing.F) {
	f.Add([]byte("garbage"), uint16(0))
	f.Add(bytes.Repeat([]byte{0xff}, 400), uint16(0))
	f.Add(bytes.Repeat([]byte{0x1b, 0x57, 0, 0}, 200), uint16(256))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<63), uint16(40))
	f.Fuzz(func(t *testing.T, garbage []byte, offset uint16) {
		words := make([]uint64, ScoreboardSize(2, 2)/8)
		mem := bytesOf(words)
		b, err := NewScoreboard(mem, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		s := New(Config{MaxServers: 1}.WithDefaults(), Options{Board: b, Log: slog.New(slog.DiscardHandler)})
		s.start0(t)
		copy(mem[int(offset)%len(mem):], garbage)
		st := s.status()
		for _, w := range st.Workers {
			if w.Requests < 0 || w.Connections < 0 || w.Lost < 0 {
				t.Errorf("%+v", w)
			}
			for _, l := range w.Lanes {
				if l.Age < 0 || strings.ContainsFunc(l.Request, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%+v", l)
				}
			}
			if !strings.Contains(".S_WKGQX?", w.State.String()) {
				t.Errorf("state %q", w.State)
			}
		}
		if r := b.InHand(0); strings.ContainsFunc(r, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("in hand: %q", r)
		}
		b.Busy(0)
		s.exited(s.roster.records[0], Event{Kind: Exited, Cause: CauseCrash, Lost: true})
		if st = s.status(); st.Totals.Requests < 0 || st.Exits[0].Requests < 0 {
			t.Errorf("%+v", st)
		}
		s.observeTally(time.Now())
		// The next worker of the slot begins with a clean one.
		b.reset(0, 2, 1, 5, 0)
		b.Line(0, 0).Begin(b.Row(0), 0, []byte("GET"), []byte("/"))
		if v, ok := b.Line(0, 0).View(); !ok || v.Request != "GET /" || b.Row(0).Begun() != 1 {
			t.Errorf("after reset: %+v %v", v, ok)
		}
	})
}

// start0 makes a live worker in slot 0 without any backend.
func (s *Supervisor) start0(testing.TB) {
	s.options.Backend = deadBackend{}
	s.start(0)
	s.receive(report{1, Event{Kind: Ready}})
}

type deadBackend struct{}

func (deadBackend) Start(Spec, func(Event)) (Worker, error) { return deadWorker{}, nil }

type deadWorker struct{}

func (deadWorker) PID() int { return 1 }
func (deadWorker) Retire()  {}
func (deadWorker) Kill()    {}
