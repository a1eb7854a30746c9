package httpd

import (
	"context"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/exposition"
	"github.com/bident/bident/pool"
)

// maxScrapes is how many scrapes are answered at a time. Each takes a turn of the
// supervisor, reads every lane and writes some kilobytes, and nobody needs more
// than a few: what comes beyond is told to come again.
const maxScrapes = 4

// scrapeTimeout is how long the supervisor may take to tell its state to a scrape.
const scrapeTimeout = 10 * time.Second

// handleMetrics answers a scrape: the server with all its workers, and the Go
// runtime and the process of the parent.
func (r *instance) handleMetrics(ctx *fasthttp.RequestCtx) {
	if !ctx.IsGet() && !ctx.IsHead() {
		onlyGet(ctx)
		return
	}
	select {
	case r.admin.scrapes <- struct{}{}:
		defer func() { <-r.admin.scrapes }()
	default:
		overloaded(ctx)
		return
	}
	limited, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s, err := r.status(limited)
	if err != nil {
		adminError(ctx, fasthttp.StatusServiceUnavailable, err)
		return
	}
	contentType, open := exposition.Negotiate(string(ctx.Request.Header.Peek(fasthttp.HeaderAccept)))
	w := &exposition.Writer{OpenMetrics: open}
	for i := range families {
		f := &families[i]
		w.Family(f.kind, f.name, f.help)
		f.read(s, w)
	}
	writeProcess(w)
	ctx.SetContentType(contentType)
	ctx.SetBody(w.Text())
}

// family is one metric family, read from a status.
type family struct {
	kind       exposition.Kind
	name, help string
	read       func(s *Status, w *exposition.Writer)
}

// one is a family of one metric.
func one(kind exposition.Kind, name, help string, value func(*Status) float64) family {
	return family{kind, "bident_" + name, help, func(s *Status, w *exposition.Writer) { w.Sample(value(s)) }}
}

func counter(name, help string, value func(*StatusTotals) int64) family {
	return one(exposition.Counter, name, help, func(s *Status) float64 { return float64(value(&s.Totals)) })
}

func gauge(name, help string, value func(*Status) float64) family {
	return one(exposition.Gauge, name, help, value)
}

// ownPool is the value of the label pool for the server's own workers. To
// Prometheus an empty label is one that is not there, so that a server whose
// routes have no pools has the series that it would have without the label. No
// route's pool can have this name.
const ownPool = ""

// metricPools are all pools of a server, its own first.
func metricPools(s *Status) []StatusPool {
	return append([]StatusPool{{
		Name: ownPool, Mode: s.Mode, Generation: s.Generation, Limits: s.Limits, Totals: s.Totals, Workers: s.Workers,
		Upstreams: s.Upstreams,
	}}, s.Pools...)
}

// poolLabel is a pool's name as a label, which has to be UTF-8.
func poolLabel(name string) exposition.Label {
	if !utf8.ValidString(name) {
		name = strconv.QuoteToASCII(name)
	}
	return exposition.Label{Name: "pool", Value: name}
}

// each is a family of one metric for each pool.
func each(kind exposition.Kind, name, help string, value func(*StatusPool) float64) family {
	return family{kind, "bident_" + name, help, func(s *Status, w *exposition.Writer) {
		for _, p := range metricPools(s) {
			w.Sample(value(&p), poolLabel(p.Name))
		}
	}}
}

// poolCounter counts something in each pool.
func poolCounter(name, help string, value func(*StatusTotals) int64) family {
	return each(exposition.Counter, name, help, func(p *StatusPool) float64 { return float64(value(&p.Totals)) })
}

func poolGauge(name, help string, value func(*StatusPool) float64) family {
	return each(exposition.Gauge, name, help, value)
}

// limit is a gauge of one of the limits of each pool.
func limit(name, help string) family {
	return poolGauge(name, help, func(p *StatusPool) float64 {
		n, _ := p.Limits[name].(int)
		return float64(n)
	})
}

// many is a family with one label beside the pool; values calls add for each of
// a pool's metrics.
func many(kind exposition.Kind, name, help, label string, values func(p *StatusPool, add func(string, float64))) family {
	return family{kind, "bident_" + name, help, func(s *Status, w *exposition.Writer) {
		for _, p := range metricPools(s) {
			values(&p, func(value string, n float64) {
				w.Sample(n, poolLabel(p.Name), exposition.Label{Name: label, Value: value})
			})
		}
	}}
}

// ofUpstreams is a family of one metric for each listener of each pool's upstreams.
func ofUpstreams(kind exposition.Kind, name, help string, value func(*StatusUpstream) float64) family {
	return family{kind, "bident_upstream_" + name, help, func(s *Status, w *exposition.Writer) {
		for _, p := range metricPools(s) {
			for i := range p.Upstreams {
				u := &p.Upstreams[i]
				w.Sample(value(u), poolLabel(p.Name), exposition.Label{Name: "upstream", Value: u.URL})
			}
		}
	}}
}

// information is a family of one metric that is 1 and has labels to say something.
func information(name, help string, labels func(s *Status) []exposition.Label) family {
	return family{exposition.Gauge, "bident_" + name, help, func(s *Status, w *exposition.Writer) {
		w.Sample(1, labels(s)...)
	}}
}

func histogram(name, help string, of func(*StatusTotals) *StatusHistogram) family {
	return family{exposition.Histogram, "bident_" + name, help, func(s *Status, w *exposition.Writer) {
		h := of(&s.Totals)
		var buckets []exposition.Bucket
		var below uint64
		rest := h.Buckets
		for _, bound := range pool.Buckets() {
			le := bound.Seconds()
			if len(rest) > 0 && rest[0].LE == le {
				below += uint64(rest[0].Count)
				rest = rest[1:]
			}
			buckets = append(buckets, exposition.Bucket{LE: le, Count: below})
		}
		w.Observations(buckets, uint64(h.Count), h.Sum)
	}}
}

// stateNames are the states of workers and lanes in words, in the order in which
// they are shown.
var stateNames = []struct {
	state pool.State
	name  string
}{
	{pool.Starting, "starting"},
	{pool.Idle, "idle"},
	{pool.Working, "working"},
	{pool.Kept, "keepalive"},
	{pool.Retiring, "retiring"},
	{pool.Dequeue, "dequeue"},
	{pool.Lost, "lost"},
}

// families are all of the server's metrics. Their number is bounded: labels are
// pools, causes, states and slots, of which each pool has at most pool.MaxSlots.
// What has no label pool is of the whole server: connections have requests for
// every pool, and the front measures times for all of them together.
var families = []family{
	information("build_info", "The program that serves.", func(*Status) []exposition.Label {
		version, revision := build()
		return []exposition.Label{{Name: "version", Value: version}, {Name: "revision", Value: revision},
			{Name: "goversion", Value: runtime.Version()}}
	}),
	information("server_info", "The kind of worker, and who accepts connections.", func(s *Status) []exposition.Label {
		return []exposition.Label{{Name: "mode", Value: s.Mode}, {Name: "accept", Value: s.Accept}}
	}),
	gauge("start_time_seconds", "When the server started, in seconds since 1970.", func(s *Status) float64 {
		return float64(s.Started.UnixNano()) / 1e9
	}),
	poolGauge("generation", "The number of the newest configuration.", func(p *StatusPool) float64 { return float64(p.Generation) }),

	poolCounter("requests_total", "Requests that workers have begun.", func(t *StatusTotals) int64 { return t.Requests }),
	counter("connections_total", "Connections accepted.", func(t *StatusTotals) int64 { return t.Connections }),
	poolCounter("queued_total", "Requests that had to wait for a lane.", func(t *StatusTotals) int64 { return t.Queued }),
	poolCounter("shed_total", "Requests refused because the queue was full or the wait too long.",
		func(t *StatusTotals) int64 { return t.Shed }),
	poolCounter("timeouts_total", "Requests abandoned after request_timeout.", func(t *StatusTotals) int64 { return t.Timeouts }),
	counter("migrated_total", "Connections moved from one worker to another.", func(t *StatusTotals) int64 { return t.Migrated }),
	counter("handed_over_total", "Connections handed over to another program.", func(t *StatusTotals) int64 { return t.HandedOver }),
	poolGauge("lost_handlers", "Abandoned handlers that still run.", func(p *StatusPool) float64 { return float64(p.Totals.Lost) }),
	gauge("parked_connections", "Idle connections that no worker holds.", func(s *Status) float64 { return float64(s.Totals.Parked) }),
	poolGauge("queue_length", "Requests that wait for a lane.", func(p *StatusPool) float64 { return float64(p.Totals.Waiting) }),
	histogram("queue_wait_seconds", "How long requests of all pools waited for a lane before they were begun.",
		func(t *StatusTotals) *StatusHistogram { return &t.Wait }),
	histogram("request_duration_seconds", "How long requests of all pools ran on a lane until their answer, or the head of a streamed one, was there.",
		func(t *StatusTotals) *StatusHistogram { return &t.Duration }),

	poolCounter("spawned_total", "Workers started.", func(t *StatusTotals) int64 { return t.Spawned }),
	many(exposition.Counter, "worker_exits_total", "Workers that have left, by cause.", "cause",
		func(p *StatusPool, add func(string, float64)) {
			for cause, n := range p.Totals.Exits {
				add(cause, float64(n))
			}
		}),
	many(exposition.Gauge, "workers", "Workers by state.", "state", func(p *StatusPool, add func(string, float64)) {
		for _, n := range stateNames {
			count := 0
			for i := range p.Workers {
				if p.Workers[i].State == n.state.String() {
					count++
				}
			}
			add(n.name, float64(count))
		}
	}),
	poolGauge("busy_lanes", "Lanes with a request in hand.", func(p *StatusPool) float64 {
		n := 0
		for i := range p.Workers {
			for _, l := range p.Workers[i].Lanes {
				if l.State == pool.Working.String() {
					n++
				}
			}
		}
		return float64(n)
	}),
	gauge("worker_connections", "Connections that workers hold themselves.", func(s *Status) float64 {
		n := int64(0)
		for i := range s.Workers {
			n += s.Workers[i].Connections
		}
		return float64(n)
	}),
	many(exposition.Gauge, "worker_rss_bytes", "Resident memory of a worker's process.", "slot",
		func(p *StatusPool, add func(string, float64)) {
			for i := range p.Workers {
				if w := &p.Workers[i]; w.RSS > 0 {
					add(strconv.Itoa(w.Slot), float64(w.RSS))
				}
			}
		}),

	ofUpstreams(exposition.Gauge, "up", "1 if an upstream can be connected to, else 0.", func(u *StatusUpstream) float64 {
		if u.Up {
			return 1
		}
		return 0
	}),
	ofUpstreams(exposition.Gauge, "connections", "Connections to an upstream.", func(u *StatusUpstream) float64 { return float64(u.Connections) }),
	ofUpstreams(exposition.Gauge, "idle_connections", "Connections to an upstream that are kept for a next request.", func(u *StatusUpstream) float64 { return float64(u.Idle) }),
	ofUpstreams(exposition.Counter, "connections_opened_total", "Connections made to an upstream.", func(u *StatusUpstream) float64 { return float64(u.Opened) }),
	ofUpstreams(exposition.Counter, "failures_total", "Connections to an upstream that could not be had.", func(u *StatusUpstream) float64 { return float64(u.Failures) }),
	ofUpstreams(exposition.Counter, "requests_total", "Requests sent to an upstream.", func(u *StatusUpstream) float64 { return float64(u.Requests) }),
	ofUpstreams(exposition.Counter, "retries_total", "Requests that were sent again, because a connection ended.", func(u *StatusUpstream) float64 { return float64(u.Retries) }),
	ofUpstreams(exposition.Counter, "errors_total", "Requests whose exchange with an upstream failed.", func(u *StatusUpstream) float64 { return float64(u.Errors) }),

	limit("max_servers", "The number of workers, or the highest number if it follows the load."),
	limit("min_servers", "The lowest number of workers."),
	limit("concurrency", "The number of lanes of each worker."),
	limit("max_requests", "How many requests a worker begins before it is replaced, 0 for no limit."),
	limit("queue_size", "How many requests may wait for a lane."),
}

// build is the version of this module in the running program and the revision of
// the program, as far as they are known.
func build() (version, revision string) {
	const module = "github.com/bident/bident"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			version = m.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return version, revision
}
