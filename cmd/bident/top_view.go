package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bident/bident/httpd"
)

// view is one frame of top: a pure function of two samples and the room there is.
type view struct {
	now, before   *sample // before is nil in the first frame
	trouble       error
	width, height int
	color         bool
}

// urgency is the order in which workers are shown, what needs attention first.
const urgency = "X?GSWKQ_."

// colors are the terminal's colours of states.
var colors = map[byte]string{
	'X': "1;31", '?': "1;31", 'G': "33", 'S': "33", 'W': "1;34", 'K': "35", 'Q': "36", '_': "32", '.': "2",
}

// lines are the lines of the frame, at most height of them, none wider than width.
func (v *view) lines() []string {
	s := &v.now.status
	mode := s.Mode
	if s.Accept != "" {
		mode += "/" + s.Accept
	}
	up := v.now.at.Sub(s.Started)
	out := []string{
		v.bold(v.cut(fmt.Sprintf("bident %s  pid %d  generation %d  up %s  %s", mode, s.PID, s.Generation,
			rounded(up), strings.Join(s.Listeners, " ")))),
		v.cut(v.counts()),
		v.cut(v.times()),
	}
	var before []httpd.StatusUpstream
	if v.same() {
		before = v.before.status.Upstreams
	}
	out = append(out, v.upstreams(s.Upstreams, before)...)
	out = append(out, v.board(s.Workers)...)
	out = append(out, v.pools()...)
	if v.trouble != nil {
		out = append(out, v.paint("1;31", v.cut("no answer: "+v.trouble.Error())))
	} else {
		out = append(out, "")
	}
	room := max(v.height-len(out)-1, 0) // one for the head of the table
	out = append(out, v.table(room)...)
	return out[:min(len(out), v.height)]
}

// counts are totals, and how fast they grow.
func (v *view) counts() string {
	t := &v.now.status.Totals
	var before *httpd.StatusTotals
	if v.same() {
		before = &v.before.status.Totals
	}
	text := v.counter("requests", t, before, func(t *httpd.StatusTotals) int64 { return t.Requests }) +
		v.counter("  connections", t, before, func(t *httpd.StatusTotals) int64 { return t.Connections })
	if a := v.now.status.Accept; a == "" || a == "request" {
		text += fmt.Sprintf("  queue %d", t.Waiting)
	}
	return text + rare(t)
}

// rare are the totals that are small where all is well.
func rare(t *httpd.StatusTotals) string {
	return fmt.Sprintf("  queued %d  shed %d  timeouts %d  lost %d  spawned %d", t.Queued, t.Shed, t.Timeouts, t.Lost, t.Spawned)
}

// same reports whether both samples are of one server.
func (v *view) same() bool {
	return v.before != nil && v.before.status.PID == v.now.status.PID &&
		v.before.status.Started.Equal(v.now.status.Started) && v.now.at.After(v.before.at)
}

// span is the time between the two samples, 0 if they are not of one server.
func (v *view) span() time.Duration {
	if !v.same() {
		return 0
	}
	return v.now.at.Sub(v.before.at)
}

// counter is a total, and by how much it has grown a second if it is known what
// it was before.
func (v *view) counter(name string, now, before *httpd.StatusTotals, of func(*httpd.StatusTotals) int64) string {
	text := fmt.Sprintf("%s %d", name, of(now))
	if before != nil {
		text += fmt.Sprintf(" (%s/s)", perSecond(of(now)-of(before), v.now.at.Sub(v.before.at)))
	}
	return text
}

func perSecond(n int64, span time.Duration) string {
	per := float64(max(n, 0)) / span.Seconds()
	if per < 10 && per > 0 {
		return strconv.FormatFloat(per, 'f', 1, 64)
	}
	return strconv.FormatFloat(per, 'f', 0, 64)
}

// times are percentiles of what has happened since the last frame, or of all in
// the first one.
func (v *view) times() string {
	var run, wait httpd.StatusHistogram
	if v.same() {
		run, wait = v.before.status.Totals.Duration, v.before.status.Totals.Wait
	}
	t := &v.now.status.Totals
	return "duration " + percentiles(since(t.Duration, run)) + "  wait " + percentiles(since(t.Wait, wait)) +
		"  exits" + exitCounts(t.Exits)
}

// since is what a histogram has got since it was before.
func since(now, before httpd.StatusHistogram) httpd.StatusHistogram {
	d := httpd.StatusHistogram{Count: max(now.Count-before.Count, 0)}
	rest := before.Buckets
	for _, b := range now.Buckets {
		for len(rest) > 0 && rest[0].LE < b.LE {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].LE == b.LE {
			b.Count = max(b.Count-rest[0].Count, 0)
		}
		d.Buckets = append(d.Buckets, b)
	}
	return d
}

// percentiles are the bounds of the buckets that half and 99 % of all are in.
func percentiles(h httpd.StatusHistogram) string {
	if h.Count == 0 {
		return "-"
	}
	of := func(share float64) string {
		seen := int64(0)
		for _, b := range h.Buckets {
			if seen += b.Count; float64(seen) >= share*float64(h.Count) {
				return "<=" + seconds(b.LE).String()
			}
		}
		return ">100s"
	}
	return "p50 " + of(0.5) + " p99 " + of(0.99)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond)
}

// rounded is a duration without what nobody reads.
func rounded(d time.Duration) string {
	if d < 10*time.Second {
		return max(d, 0).Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// board is the line of states, as long as the frame is wide and at most four
// times, with a count of each state in front.
func (v *view) board(workers []httpd.StatusWorker) []string {
	var all []byte
	count := make(map[byte]int)
	next := 0
	for i := range workers {
		w := &workers[i]
		for ; next < w.Slot && next < 4*v.width; next++ {
			all = append(all, '.')
		}
		letter := letterOf(w.State)
		count[letter]++
		all = append(all, letter)
		next = w.Slot + 1
	}
	text := fmt.Sprintf("workers %d", len(workers))
	for _, letter := range []byte(urgency) {
		if n := count[letter]; n > 0 {
			text += fmt.Sprintf("  %c %d", letter, n)
		}
	}
	out := []string{v.cut(text)}
	for rest := all; len(rest) > 0 && len(out) <= 4; {
		n := min(len(rest), max(v.width, 1))
		out = append(out, v.paintLetters(rest[:n]))
		rest = rest[n:]
	}
	return out
}

// letterOf is the letter of a state as it can be shown.
func letterOf(state string) byte {
	if len(state) == 1 && strings.Contains(urgency, state) {
		return state[0]
	}
	return '?'
}

func (v *view) paintLetters(letters []byte) string {
	var b strings.Builder
	for len(letters) > 0 {
		n := 1
		for n < len(letters) && letters[n] == letters[0] {
			n++
		}
		b.WriteString(v.paint(colors[letters[0]], string(letters[:n])))
		letters = letters[n:]
	}
	return b.String()
}

// cut is text as a terminal can be given it, one column for each character and no
// wider than the frame. What came from clients, or from a server that is not what
// it seems, must not steer the terminal: everything but printable ASCII is '?'.
func (v *view) cut(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > v.width {
			break
		}
		switch {
		case r == 'µ':
			r = 'u' // in durations
		case r < ' ' || r > '~':
			r = '?'
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ")
}

// padded is text that fills a line.
func (v *view) padded(text string) string {
	if !v.color {
		return v.cut(text)
	}
	return fmt.Sprintf("%-*s", v.width, v.cut(text))
}

func (v *view) bold(text string) string { return v.paint("1", text) }

// paint puts text between a terminal's codes for a colour.
func (v *view) paint(code, text string) string {
	if !v.color || text == "" || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
