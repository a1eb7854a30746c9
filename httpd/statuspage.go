package httpd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/pool"
)

//go:embed statuspage.html
var statusPageText string

//go:embed statuspage.css
var statusPageStyle string

// statusPage is the page of /status. What it shows of requests was chosen by
// clients: all of it goes through the template's escaping. It is made when it is
// first asked for: children, which start often, never need it.
var statusPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("status").Funcs(template.FuncMap{
		"age": shortAge, "bytes": shortBytes, "count": grouped, "latency": shortLatency,
		"style": func() template.CSS { return template.CSS(statusPageStyle) },
	}).Parse(statusPageText))
})

// statusPagePolicy lets the page do nothing but look as it does: its own style
// sheet, no script, no image, no frame, no form.
var statusPagePolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(statusPageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

// maxRefresh is the longest time between two looks that ?refresh=N may ask for,
// in seconds.
const maxRefresh = 3600

// handleStatusPage shows the status to people.
func (r *instance) handleStatusPage(ctx *fasthttp.RequestCtx) {
	if !ctx.IsGet() && !ctx.IsHead() {
		onlyGet(ctx)
		return
	}
	st, err := r.status(context.Background())
	if err != nil {
		adminError(ctx, fasthttp.StatusServiceUnavailable, err)
		return
	}
	refresh, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("refresh")))
	if refresh < 0 || refresh > maxRefresh {
		refresh = 0
	}
	var body bytes.Buffer
	if err := statusPage().Execute(&body, newPage(st, refresh, time.Now())); err != nil {
		adminError(ctx, fasthttp.StatusInternalServerError, err)
		return
	}
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.Response.Header.Set(fasthttp.HeaderContentSecurityPolicy, statusPagePolicy())
	ctx.Response.Header.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
	ctx.SetBody(body.Bytes())
}

// page is what the template shows: a server, or in it one of its pools.
type page struct {
	*Status
	Name      string  // of the pool, empty for the server
	ID        string  // in front of the names of elements
	Parts     []*page // the pools that routes have for themselves
	AllBusy   int     // with those of the pools
	AllLanes  int
	Refresh   int
	Refreshes []int
	Now       string
	Uptime    time.Duration
	Processes bool // workers are processes, so that their memory is known
	Holds     bool // workers hold connections themselves
	Queue     bool // there is one for all workers
	Size      int  // of the queue
	Busy      int
	Lanes     int
	Memory    int64
	Letters   []letter
	Key       []keyEntry
	Rows      []pageRow
	Ups       []pageUpstream
	ByCause   []pageCount
	Ends      []pageExit
	Settings  []pageSetting
	Wait      *chart
	Run       *chart
}

// heading is that of a part of the page.
type heading struct {
	ID, Title string
	Inner     bool // below the heading of a pool
	Counted   bool
	Count     int
}

// Head is the heading of what is shown of the server or the pool.
func (p *page) Head(id, title string) heading {
	return heading{p.ID + id, title, p.Name != "", id == "workers", len(p.Rows)}
}

// letter is a slot in the state line.
type letter struct{ Letter, Class, Title string }

// keyEntry explains a letter.
type keyEntry struct {
	letter
	Count int
}

type pageRow struct {
	StatusWorker
	Class, Name string
	Age         time.Duration
	Busy        int
	InHand      []pageRequest
	Beyond      int // in hand, too, and not in InHand
}

// Of a worker's requests some are seen at once, more are folded away, and those
// beyond are only counted: a page stays one that a phone can load.
const (
	shown      = 3
	mostInHand = 20
)

// More is how many requests are folded away.
func (r pageRow) More() int { return len(r.InHand) + r.Beyond - shown }

// longest is how long the worker has had a request in hand, -1 if it has none.
func (r pageRow) longest() time.Duration {
	if len(r.InHand) == 0 {
		return -1
	}
	return r.InHand[0].Age
}

type pageRequest struct {
	Text string
	Age  time.Duration
	Lost bool
}

type pageCount struct {
	Name  string
	Count int64
}

type pageExit struct {
	StatusExit
	Ago time.Duration
	Bad bool
}

type pageSetting struct{ Name, Value string }

// newPage arranges a status for the template.
func newPage(s *Status, refresh int, now time.Time) *page {
	p := newPart(s, now)
	p.Refresh = refresh
	p.AllBusy, p.AllLanes = p.Busy, p.Lanes
	for i := range s.Pools {
		q := &s.Pools[i]
		part := newPart(&Status{
			Mode: q.Mode, Generation: q.Generation, Started: s.Started,
			Limits: q.Limits, Totals: q.Totals, Workers: q.Workers, Exits: q.Exits, Upstreams: q.Upstreams,
		}, now)
		part.Name, part.ID = q.Name, fmt.Sprintf("pool%d-", i)
		p.AllBusy += part.Busy
		p.AllLanes += part.Lanes
		p.Parts = append(p.Parts, part)
	}
	return p
}

// newPart arranges the state of the server's own workers, or of one of its pools
// in the form of a server.
func newPart(s *Status, now time.Time) *page {
	p := &page{
		Status: s, Refreshes: []int{2, 10, 60}, Now: now.UTC().Format(time.RFC3339),
		Uptime: now.Sub(s.Started), Processes: s.Mode == Fork.String(), Holds: holding(s.Accept),
		Ups:  pageUpstreams(s.Upstreams, now),
		Wait: newChart("wait", "Wait in the queue", &s.Totals.Wait),
		Run:  newChart("duration", "Request duration", &s.Totals.Duration),
	}
	p.Queue = !p.Holds
	p.Size, _ = s.Limits["queue_size"].(int)
	count := make(map[string]int)
	next := 0
	free := func(upTo int) {
		for ; next < upTo; next++ {
			count[pool.Free.String()]++
			p.Letters = append(p.Letters, letter{pool.Free.String(), "free", "slot " + strconv.Itoa(next) + ": free"})
		}
	}
	for i := range s.Workers {
		w := &s.Workers[i]
		free(w.Slot)
		row := pageRow{StatusWorker: *w, Name: stateName(w.State), Age: seconds(w.Age)}
		row.Class = row.Name
		for _, l := range w.Lanes {
			p.Lanes++
			if l.State == pool.Working.String() {
				row.Busy++
			}
			if l.Request != "" {
				row.InHand = append(row.InHand, pageRequest{l.Request, seconds(l.Age), l.State == pool.Lost.String()})
			}
		}
		// What has been in hand longest is what somebody looks for.
		slices.SortStableFunc(row.InHand, func(a, b pageRequest) int { return cmp.Compare(b.Age, a.Age) })
		if n := len(row.InHand); n > mostInHand {
			row.InHand, row.Beyond = row.InHand[:mostInHand], n-mostInHand
		}
		p.Busy += row.Busy
		p.Memory += w.RSS
		count[w.State]++
		p.Rows = append(p.Rows, row)
		p.Letters = append(p.Letters, letter{w.State, row.Class, fmt.Sprintf("slot %d: %s", w.Slot, row.Name)})
		next = w.Slot + 1
	}
	// What is in hand, and what has been so for long, first.
	slices.SortStableFunc(p.Rows, func(a, b pageRow) int { return cmp.Compare(b.longest(), a.longest()) })
	most, _ := s.Limits["max_servers"].(int)
	free(most)
	for _, n := range stateNames {
		l := n.state.String()
		p.Key = append(p.Key, keyEntry{letter{l, n.name, n.name}, count[l]})
	}
	p.Key = append(p.Key, keyEntry{letter{pool.Free.String(), "free", "free"}, count[pool.Free.String()]})
	for _, cause := range slices.Sorted(maps.Keys(s.Totals.Exits)) {
		if n := s.Totals.Exits[cause]; n > 0 {
			p.ByCause = append(p.ByCause, pageCount{cause, n})
		}
	}
	for _, e := range s.Exits {
		bad := e.Status != ""
		switch pool.Cause(e.Cause) {
		case pool.CauseCrash, pool.CauseKilled, pool.CauseStart, pool.CauseTimeout:
			bad = true
		}
		p.Ends = append(p.Ends, pageExit{e, now.Sub(e.At), bad})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Limits)) {
		value := fmt.Sprint(s.Limits[name])
		if f, ok := s.Limits[name].(float64); ok { // durations
			value = shortAge(seconds(f))
		}
		p.Settings = append(p.Settings, pageSetting{name, value})
	}
	return p
}

// stateName is the word for a state's letter.
func stateName(state string) string {
	for _, n := range stateNames {
		if n.state.String() == state {
			return n.name
		}
	}
	return "unknown"
}

// chart is a histogram as bars.
type chart struct {
	*StatusHistogram
	ID, Title string
	Bars      []bar
	Width     int
	From, To  string
}

type bar struct {
	X, Y, Height int
	Title        string
}

// The size of a chart's bars. A bucket that is not empty has a bar of some height,
// however rare it is.
const barWidth, barStep, barHeight, leastBar = 10, 12, 48, 2

func newChart(id, title string, h *StatusHistogram) *chart {
	c := &chart{StatusHistogram: h, ID: id, Title: title}
	bounds := pool.Buckets()
	counts := make([]int64, len(bounds)+1)
	counts[len(bounds)] = h.Count
	for i, rest := 0, h.Buckets; i < len(bounds) && len(rest) > 0; i++ {
		if rest[0].LE == bounds[i].Seconds() {
			counts[i] = rest[0].Count
			counts[len(bounds)] -= counts[i]
			rest = rest[1:]
		}
	}
	highest := slices.Max(counts)
	for i, n := range counts {
		title := "above " + shortLatency(bounds[len(bounds)-1].Seconds())
		if i < len(bounds) {
			title = "up to " + shortLatency(bounds[i].Seconds())
		}
		height := 0
		if n > 0 {
			height = max(int(float64(n)/float64(highest)*barHeight), leastBar)
		}
		c.Bars = append(c.Bars, bar{i * barStep, barHeight - height, height, title + ": " + grouped(n)})
	}
	c.Width = len(c.Bars)*barStep - (barStep - barWidth)
	c.From, c.To = shortLatency(bounds[0].Seconds()), shortLatency(bounds[len(bounds)-1].Seconds())
	return c
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// shortAge is a duration in its two largest units, as "3d 4h", "12m 5s" or "0.4s".
func shortAge(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		tenths := float64(d/(100*time.Millisecond)) / 10
		return strconv.FormatFloat(tenths, 'f', -1, 64) + "s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// shortLatency is a time in seconds with two digits that count and its unit.
func shortLatency(s float64) string {
	value, unit := s, "s"
	switch {
	case s == 0:
		return "0"
	case s < 1e-3:
		value, unit = s*1e6, "µs"
	case s < 1:
		value, unit = s*1e3, "ms"
	}
	if value >= 10 {
		return strconv.FormatFloat(value, 'f', 0, 64) + " " + unit
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " " + unit
}

// shortBytes is a size in binary units; "–" if it is not known.
func shortBytes(n int64) string {
	switch {
	case n <= 0:
		return "–"
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// grouped is a number with its digits in groups of three.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteRune('\u202f')
		}
		b.WriteRune(c)
	}
	return b.String()
}
