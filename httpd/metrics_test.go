package httpd_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// administered is a kind whose server has an admin listener.
func administered(k kind) kind {
	return k.with(func(s *httpd.Server) { s.Admin = "http://127.0.0.1:0" })
}

// look asks the admin listener.
func (s *server) look(t *testing.T, method, path string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, s.AdminAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	own := &http.Transport{}
	defer own.CloseIdleConnections()
	resp, err := (&http.Client{Transport: own, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// samples are the values of a scrape by name and labels.
func samples(families map[string]*dto.MetricFamily) map[string]float64 {
	all := make(map[string]float64)
	for name, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				if l.GetName() == "pool" && l.GetValue() == "" {
					continue // the same as no label
				}
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			key := name
			slices.Sort(labels)
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			switch {
			case m.Counter != nil:
				all[key] = m.Counter.GetValue()
			case m.Gauge != nil:
				all[key] = m.Gauge.GetValue()
			case m.Untyped != nil:
				all[key] = m.Untyped.GetValue()
			case m.Histogram != nil:
				all[key+"_count"] = float64(m.Histogram.GetSampleCount())
				all[key+"_sum"] = m.Histogram.GetSampleSum()
				for _, b := range m.Histogram.Bucket {
					all[fmt.Sprintf("%s_bucket{le=\"%v\"}", key, b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return all
}

// The formats that a scraper may ask for, and what has been read in each.
var formats = []struct{ name, accept, contentType string }{
	{"text", "text/plain", "text/plain"},
	{"OpenMetrics", "application/openmetrics-text;version=1.0.0", "application/openmetrics-text"},
	{"a format that is not there", string(expfmt.NewFormat(expfmt.TypeProtoDelim)), "text/plain"},
	{"any", "*/*", "text/plain"},
}

// scrape reads /metrics in a format.
func scrape(t *testing.T, s *server, accept, contentType string) map[string]float64 {
	t.Helper()
	resp, body := s.look(t, "GET", "/metrics", "Accept", accept)
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(got, contentType) {
		t.Fatalf("status %d, type %q\n%s", resp.StatusCode, got, body)
	}
	if strings.Contains(contentType, "openmetrics") != bytes.HasSuffix(body, []byte("\n# EOF\n")) {
		t.Errorf("the end is %q", body[max(len(body)-20, 0):])
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return samples(families)
}

// TestMetrics: one scrape has what all workers have done, also those that are gone,
// and says what /status.json says.
func TestMetrics(t *testing.T) {
	each(t, usualKinds(), func(t *testing.T, k kind) { // a worker crashes
		s := start(t, administered(k), pool.Config{MaxServers: 3})
		var clients sync.WaitGroup
		for range 6 {
			clients.Go(func() {
				c := newClient(t, s.url)
				defer c.close()
				for range 5 {
					if status, _, err := c.do("GET", "/sleep?ms=2", ""); status != 200 || err != nil {
						t.Errorf("%d %v", status, err)
					}
				}
			})
		}
		clients.Wait()
		c := newClient(t, s.url)
		defer c.close()
		_, _, _ = c.try("GET", "/panic", "") // an answer, or none
		c.close()                            // or another worker would have the connection now
		st := s.awaitStatus(t, "at rest after 31 requests and a crash", func(st *httpd.Status) bool {
			rest := len(st.Workers) == 3 && st.Totals.Exits["crash"] == 1 && st.Totals.Requests == 31
			for _, w := range st.Workers {
				rest = rest && w.State == "_" && w.Connections == 0
			}
			return rest && st.Totals.Duration.Count >= 30 && st.Totals.Wait.Count >= 30
		})
		if n := st.Totals.Duration; n.Count > 31 || n.Sum < 0.06 || n.P50 < 0.001 || n.P99 < n.P50 {
			t.Errorf("duration %+v", n)
		}
		for _, f := range formats {
			have := scrape(t, s, f.accept, f.contentType)
			want := map[string]float64{
				"bident_requests_total":                           31,
				"bident_connections_total":                        float64(st.Totals.Connections),
				"bident_queued_total":                             float64(st.Totals.Queued),
				"bident_shed_total":                               0,
				"bident_timeouts_total":                           0,
				"bident_lost_handlers":                            0,
				"bident_spawned_total":                            4,
				"bident_generation":                               1,
				"bident_max_servers":                              3,
				"bident_queue_size":                               1024,
				"bident_busy_lanes":                               0,
				"bident_start_time_seconds":                       float64(st.Started.UnixNano()) / 1e9,
				`bident_worker_exits_total{cause="crash"}`:        1,
				`bident_worker_exits_total{cause="max_requests"}`: 0,
				`bident_workers{state="idle"}`:                    3,
				`bident_workers{state="working"}`:                 0,
				`bident_server_info{accept="` + st.Accept + `",mode="` + st.Mode + `"}`: 1,
				"bident_request_duration_seconds_count":                                 float64(st.Totals.Duration.Count),
				"bident_request_duration_seconds_sum":                                   st.Totals.Duration.Sum,
				"bident_queue_wait_seconds_count":                                       float64(st.Totals.Wait.Count),
				"bident_queue_wait_seconds_sum":                                         st.Totals.Wait.Sum,
			}
			for _, w := range st.Workers {
				if w.RSS > 0 {
					if got := have[fmt.Sprintf("bident_worker_rss_bytes{slot=\"%d\"}", w.Slot)]; got < 4096 { // a page: a program that was executed a moment ago
						t.Errorf("%s: memory of slot %d: %v", f.name, w.Slot, got)
					}
				}
			}
			var below float64
			for _, bound := range pool.Buckets() {
				for _, b := range st.Totals.Duration.Buckets {
					if b.LE == bound.Seconds() {
						below += float64(b.Count)
					}
				}
				if f.name != "OpenMetrics" { // which the parser takes for untyped values
					want[fmt.Sprintf("bident_request_duration_seconds_bucket{le=\"%v\"}", bound.Seconds())] = below
				}
			}
			for name, value := range want {
				if got, ok := have[name]; !ok || got != value {
					t.Errorf("%s: %s is %v (%v), want %v", f.name, name, got, ok, value)
				}
			}
			if n, ok := have["bident_queue_length"]; n != 0 || !ok {
				t.Errorf("%s: queue length %v, %v", f.name, n, ok)
			}
			if have["go_goroutines"] == 0 {
				t.Errorf("%s: nothing of the runtime", f.name)
			}
		}
		_, body := s.look(t, "GET", "/metrics", "Accept", "text/plain")
		problems, err := promlint.New(bytes.NewReader(body)).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if strings.HasPrefix(p.Metric, "bident_") {
				t.Errorf("%s: %s", p.Metric, p.Text)
			}
		}
	})
}

// TestMetricsOfBusyServer: what is going on while it is scraped, by many at once.
func TestMetricsOfBusyServer(t *testing.T) {
	each(t, kinds[:1], func(t *testing.T, k kind) {
		s := start(t, administered(k), pool.Config{MaxServers: 2, MaxLost: pool.NoLimit, DieTimeout: time.Second})
		d := conduct(t)
		var clients sync.WaitGroup
		ask := func(c *client) {
			clients.Go(func() {
				if status, text, err := c.try("GET", "/held"+d.by(), ""); status != 200 || text != "held\n" || err != nil {
					t.Errorf("%d %q %v", status, text, err)
				}
			})
		}
		first, second, third := newClient(t, s.url), newClient(t, s.url), newClient(t, s.url)
		t.Cleanup(clients.Wait) // before they are closed
		ask(first)
		ask(second)
		one, other := d.next(), d.next()
		before := s.awaitStatus(t, "running", func(*httpd.Status) bool { return true })
		began := time.Now()
		ask(third) // one more than there are lanes
		s.awaitStatus(t, "busy", func(st *httpd.Status) bool { return st.Totals.Waiting == 1 })
		have := scrape(t, s, "text/plain", "text/plain")
		if have["bident_busy_lanes"] != 2 || have[`bident_workers{state="working"}`] != 2 || have["bident_queue_length"] != 1 {
			t.Errorf("busy %v working %v waiting %v", have["bident_busy_lanes"], have[`bident_workers{state="working"}`], have["bident_queue_length"])
		}
		var scrapers sync.WaitGroup
		for range 20 {
			scrapers.Go(func() {
				for range 5 {
					resp, body := s.look(t, "GET", "/metrics")
					if resp.StatusCode != 200 && resp.StatusCode != 503 {
						t.Errorf("%d %s", resp.StatusCode, body)
					}
				}
			})
		}
		held := time.Since(began).Seconds() // at least, each of the two
		one.cue("go")
		d.next().cue("go")
		other.cue("go")
		scrapers.Wait()
		clients.Wait()
		// The sum may be behind the count by a request.
		st := s.awaitStatus(t, "done", func(st *httpd.Status) bool { return st.Totals.Duration.Count == 3 })
		if n := st.Totals.Queued - before.Totals.Queued; n != 1 || st.Totals.Wait.Sum == 0 || st.Totals.Wait.P99 == 0 || st.Totals.Duration.Sum < held {
			t.Errorf("%d were queued, held for %v s: %+v", n, held, st.Totals)
		}
	})
}

// TestMetricsOfPools: pools of routes have their own series, and all requests are
// in one of them; the server's own have the names they have without pools.
func TestMetricsOfPools(t *testing.T) {
	for _, mode := range []httpd.Mode{httpd.Emulate, httpd.Fork} {
		t.Run(mode.String(), func(t *testing.T) {
			s := start(t, kind{make: func(t *testing.T, s *httpd.Server) {
				r := routedServer()
				s.Name, s.Handler, s.Routes, s.Mode, s.Admin = r.Name, r.Handler, r.Routes, mode, "http://127.0.0.1:0"
			}}, pool.Config{})
			d := conduct(t)
			busy, waiting, c := newClient(t, s.url), newClient(t, s.url), newClient(t, s.url)
			for path, n := range map[string]int{"/api/x": 3, "/forked/x": 4} {
				for range n {
					if status, _, err := c.do("GET", path, ""); status != 200 || err != nil {
						t.Fatalf("%s: %d %v", path, status, err)
					}
				}
			}
			// The pool named own has a worker that is busy, one request waits, and
			// there is no room for another.
			busy.send(t, "GET /own/x"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
			p := d.next()
			waiting.send(t, "GET /own/x HTTP/1.1\r\nHost: test\r\n\r\n")
			s.awaitStatus(t, "busy", func(st *httpd.Status) bool { return st.Pools[0].Totals.Waiting == 1 })
			if status, _, err := c.do("GET", "/own/x", ""); status != 503 || err != nil {
				t.Errorf("the pool is full: %d %v", status, err)
			}
			at := s.awaitStatus(t, "replaced", func(st *httpd.Status) bool {
				f := &st.Pools[1]
				return f.Totals.Exits["max_requests"] == 1 && len(f.Workers) == 1 && f.Workers[0].State == "_" && f.Workers[0].RSS > 0
			})
			for _, f := range formats {
				have := scrape(t, s, f.accept, f.contentType)
				for name, value := range map[string]float64{
					"bident_requests_total":                                         3,
					`bident_requests_total{pool="own"}`:                             1,
					`bident_requests_total{pool="forked"}`:                          4,
					"bident_shed_total":                                             0,
					`bident_shed_total{pool="own"}`:                                 1,
					"bident_queued_total":                                           float64(at.Totals.Queued),
					`bident_queued_total{pool="own"}`:                               1,
					"bident_queue_length":                                           0,
					`bident_queue_length{pool="own"}`:                               1,
					"bident_busy_lanes":                                             0,
					`bident_busy_lanes{pool="own"}`:                                 1,
					`bident_busy_lanes{pool="forked"}`:                              0,
					`bident_timeouts_total{pool="own"}`:                             0,
					`bident_lost_handlers{pool="own"}`:                              0,
					`bident_spawned_total{pool="own"}`:                              1,
					`bident_spawned_total{pool="forked"}`:                           2,
					`bident_generation{pool="forked"}`:                              1,
					"bident_max_servers":                                            2,
					`bident_max_servers{pool="own"}`:                                1,
					`bident_queue_size{pool="own"}`:                                 1,
					`bident_max_requests{pool="forked"}`:                            3,
					`bident_workers{state="idle"}`:                                  2,
					`bident_workers{pool="own",state="working"}`:                    1,
					`bident_workers{pool="forked",state="idle"}`:                    1,
					`bident_worker_exits_total{cause="max_requests"}`:               0,
					`bident_worker_exits_total{cause="max_requests",pool="forked"}`: 1,
				} {
					if got, ok := have[name]; !ok || got != value {
						t.Errorf("%s: %s is %v (%v), want %v", f.name, name, got, ok, value)
					}
				}
				if got := have[fmt.Sprintf(`bident_worker_rss_bytes{pool="forked",slot="%d"}`, at.Pools[1].Workers[0].Slot)]; got < 4096 {
					t.Errorf("%s: memory of the pool's worker: %v", f.name, got)
				}
			}
			_, page := s.look(t, "GET", "/status")
			for _, want := range []string{"Pool own <", "Pool forked <", "GET /own/x"} {
				if !bytes.Contains(page, []byte(want)) {
					t.Errorf("%q is missing on the page", want)
				}
			}
			p.cue("end")
			p.conn.Close()
			if resp := waiting.receive(t, "GET"); resp.StatusCode != 200 {
				t.Errorf("who waited got %d", resp.StatusCode)
			}
			// Requests of all pools are those whose times were measured.
			s.awaitStatus(t, "at rest", func(st *httpd.Status) bool { return st.Totals.Duration.Count == 9 })
			have := scrape(t, s, "text/plain", "text/plain")
			sum := 0.0
			for _, pool := range []string{"", `{pool="own"}`, `{pool="forked"}`} {
				sum += have["bident_requests_total"+pool]
			}
			if n := have["bident_request_duration_seconds_count"]; sum != n || n != 9 {
				t.Errorf("%v requests, %v durations", sum, n)
			}
		})
	}
}
