package httpd

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"
)

// render makes the page of a server where everything that others can choose is text.
func render(t testing.TB, text string, lanes, workers int, pools ...StatusPool) string {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &Status{
		Mode: "fork", Accept: "slot", PID: 1, Generation: 2, Started: now.Add(-time.Hour), Listeners: []string{"http+unix:///" + text},
		Limits: map[string]any{"max_servers": workers + 2, "queue_size": 7, "die_timeout": 1.5},
		Totals: StatusTotals{
			Requests: 1234567, Shed: 1, Timeouts: 1, Lost: 1, Exits: map[string]int64{"crash": 1, "reload": 0},
			Duration: StatusHistogram{Count: 3, Sum: 200, P50: 0.0005, P99: 100, Buckets: []StatusBucket{{0.0005, 2}}},
		},
		Exits: []StatusExit{{PID: 9, Cause: "crash", Status: text, Request: text, At: now.Add(-time.Minute)}},
	}
	for i := range workers {
		w := StatusWorker{Slot: i, PID: 100 + i, State: "W", Age: 3.25, RSS: 5 << 20, Connections: 2}
		for range lanes {
			w.Lanes = append(w.Lanes, StatusLane{"W", text, 0.5})
		}
		s.Workers = append(s.Workers, w)
	}
	s.Pools = pools
	var b bytes.Buffer
	if err := statusPage().Execute(&b, newPage(s, 0, now)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStatusPage(t *testing.T) {
	out := render(t, "GET /x", 5, 3)
	for _, want := range []string{
		`<html lang="en">`, `name="viewport"`, `name="color-scheme"`, "1\u202f234\u202f567", "5.0 MiB", "fork / slot",
		`<th scope="col"`, `<th scope="row"`, "<summary>2 more</summary>", "1h 0m", "slot 4: free", "<title>above 100 s: 1</title>",
		"3 working. 2 free.", ">15<small> of 15<", "3.2s", `<dt>die_timeout</dt><dd>1.5s</dd>`, "500 µs",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(out, "ZgotmplZ") {
		t.Error("the template does not trust its own values")
	}
	// The policy allows the style sheet that is there, and the page needs no other.
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(out)
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(statusPagePolicy(), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Error("the style sheet is not what the policy allows")
	}
	if strings.Contains(out, "style=") || strings.Contains(out, "<script") || regexp.MustCompile(`\son[a-z]+=`).MatchString(out) {
		t.Error("the page has something that the policy forbids")
	}
	// As many elements are opened as closed.
	for _, tag := range []string{"section", "table", "tr", "td", "details", "dl", "div", "ul", "main", "svg", "p", "li"} {
		opened, closed := len(regexp.MustCompile(`<`+tag+`[ >]`).FindAllString(out, -1)), strings.Count(out, "</"+tag+">")
		if opened != closed {
			t.Errorf("%d <%s>, %d ends of it", opened, tag, closed)
		}
	}
	if out := render(t, "GET /y", 100, 1); strings.Count(out, "GET /y</span> <span") != mostInHand ||
		!strings.Contains(out, ">97 more<") || !strings.Contains(out, "and 80 that") {
		t.Error("a hundred requests of one worker")
	}
	if out := render(t, "", 0, 0); !strings.Contains(out, "No worker") {
		t.Error("no word about that there is no worker")
	}
}

// TestStatusPageOfPools: each pool has a section, with names of elements that no
// other has, and a server without pools has none.
func TestStatusPageOfPools(t *testing.T) {
	if out := render(t, "GET /x", 1, 1); strings.Contains(out, `class="pool"`) || strings.Contains(out, "<h3") {
		t.Error("sections of pools that are not there")
	}
	two := StatusWorker{Slot: 1, State: "W", PID: 5, RSS: 3 << 20, Lanes: []StatusLane{{"W", "GET /reports/x", 2}, {"_", "", 0}}}
	out := render(t, "GET /x", 1, 1,
		StatusPool{
			Name: "reports", Mode: "fork", Generation: 4, Limits: map[string]any{"max_servers": 2, "queue_size": 9},
			Totals:  StatusTotals{Requests: 7654, Waiting: 5, Shed: 3, Exits: map[string]int64{"max_memory": 6}},
			Workers: []StatusWorker{two}, Exits: []StatusExit{{Cause: "crash", PID: 4, Request: "GET /reports/bad"}},
		},
		StatusPool{Name: `<b onclick="x">`, Mode: "emulate"},
	)
	if n := strings.Count(out, `<section class="pool"`); n != 2 {
		t.Errorf("%d sections", n)
	}
	_, section, _ := strings.Cut(out, `<section class="pool"`)
	section, _, _ = strings.Cut(section, `<section class="pool"`)
	for _, want := range []string{
		`Pool reports <span class="mode">fork<`, "generation 4", "7\u202f654", "5<small> of 9<", `class="warn"><dt>Shed</dt><dd>3<`,
		"1<small> of 2<", "slot 0: free", "slot 1: working", "GET /reports/x", "GET /reports/bad", "max_memory", "3.0 MiB",
		`<dt>queue_size</dt><dd>9<`, `Workers <span class="n">1</span></h3>`,
	} {
		if !strings.Contains(section, want) {
			t.Errorf("%q is missing in the section of a pool", want)
		}
	}
	for _, not := range []string{"<dt>Connections", "<dt>Parked", "GET /x<"} {
		if strings.Contains(section, not) {
			t.Errorf("%q is not of the pool", not)
		}
	}
	if strings.Contains(out, "<b onclick") || !strings.Contains(out, "Pool &lt;b onclick") {
		t.Error("a pool's name is not text")
	}
	if !strings.Contains(out, "<title>2/3 busy") {
		t.Error("the title is not of all pools")
	}
	seen := make(map[string]bool)
	for _, id := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(out, -1) {
		if seen[id[1]] {
			t.Errorf("two elements are named %s", id[1])
		}
		seen[id[1]] = true
	}
	for _, ref := range regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(out, -1) {
		if !seen[ref[1]] {
			t.Errorf("there is no %s", ref[1])
		}
	}
}

// TestStatusPageOfUpstreams: the listeners of upstreams are rows of their pool.
func TestStatusPageOfUpstreams(t *testing.T) {
	if strings.Contains(render(t, "x", 1, 1, StatusPool{Name: "plain"}), "upstreams") {
		t.Error("upstreams that are not there")
	}
	out := render(t, "x", 1, 1, StatusPool{Name: "php", Upstreams: []StatusUpstream{
		{URL: "fcgi://one:9005", Up: true, Requests: 12345, Connections: 3, Idle: 2, Opened: 91, Retries: 81, Errors: 71},
		{URL: "fcgi+unix:///<two>", Failures: 61, Since: time.Date(2026, 1, 2, 3, 3, 5, 0, time.UTC)},
	}})
	_, out, _ = strings.Cut(out, `<h3 id="pool0-upstreams">Upstreams</h3>`)
	for _, want := range []string{
		`<b class="s idle">up</b></td>`, `<b class="s lost">down</b> <span class="when">1m 0s</span>`, ">fcgi://one:9005<", "&lt;two&gt;",
		`"requests">12` + "\u202f" + `345<`, `"connections">3<`, `"idle">2<`, `"opened">91<`, `"retries">81<`, `"errors">71<`, `"failures">61<`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// Whatever clients and programs say stays text: it opens no element and ends no
// attribute.
func FuzzStatusPage(f *testing.F) {
	for _, s := range []string{
		"GET /", `<script>alert(1)</script>`, `" onmouseover="x`, `'><img src=x onerror=y>`, "</style><script>",
		"{{.}}", "&lt;script&gt;", "\x00\x1b[2J", "javascript:x", "-->", "\xff\xfe", "]]>",
	} {
		f.Add(s)
	}
	named := func(text string) StatusPool {
		return StatusPool{Name: text, Mode: "fork", Workers: []StatusWorker{{State: "W", Lanes: []StatusLane{{"W", text, 1}}}}}
	}
	plain := render(f, "x", 1, 1, named("x"))
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // fewer elements
		}
		out := render(t, text, 1, 1, named(text))
		for _, mark := range []string{"<", ">", `"`} {
			if have, want := strings.Count(out, mark), strings.Count(plain, mark); have != want {
				t.Errorf("%q: %d times %q, not %d", text, have, mark, want)
			}
		}
	})
}

func TestStatusPageNumbers(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0s", 0: "0s", 449 * time.Millisecond: "0.4s", 9999 * time.Millisecond: "9.9s", 59 * time.Second: "59s",
		61 * time.Second: "1m 1s", 25 * time.Hour: "1d 1h", 1<<63 - 1: "106751d 23h",
	} {
		if got := shortAge(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	for s, want := range map[float64]string{0: "0", 25e-6: "25 µs", 0.0015: "1.5 ms", 0.25: "250 ms", 1: "1 s", 100: "100 s"} {
		if got := shortLatency(s); got != want {
			t.Errorf("%v: %q, want %q", s, got, want)
		}
	}
	for n, want := range map[int64]string{0: "–", -1: "–", 1 << 12: "4 KiB", 3 << 19: "1.5 MiB", 20 << 20: "20 MiB", 3 << 29: "1.5 GiB"} {
		if got := shortBytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", -1000: "-1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
