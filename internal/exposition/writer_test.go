package exposition

import (
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// example is a scrape with all that there is.
func example(open bool) string {
	w := Writer{OpenMetrics: open}
	w.Family(Counter, "x_requests_total", "Requests of \"all\"\nkinds\\.")
	w.Sample(3)
	w.Sample(4, Label{"pool", "a\"b\\c\nd"}, Label{"none", ""})
	w.Family(Gauge, "x_ratio", "A ratio.")
	w.Sample(math.Inf(1), Label{"a", "1"})
	w.Sample(0.25, Label{"a", "\xff"})
	w.Family(Histogram, "x_seconds", "Times.")
	w.Observations([]Bucket{{0.5, 1}, {2, 3}}, 4, 12.5, Label{"p", "q"})
	return string(w.Text())
}

// TestText is the format to the letter.
func TestText(t *testing.T) {
	want := `# HELP x_requests_total Requests of "all"\nkinds\\.
# TYPE x_requests_total counter
x_requests_total 3
x_requests_total{pool="a\"b\\c\nd",none=""} 4
# HELP x_ratio A ratio.
# TYPE x_ratio gauge
x_ratio{a="1"} +Inf
x_ratio{a="` + "\uFFFD" + `"} 0.25
# HELP x_seconds Times.
# TYPE x_seconds histogram
x_seconds_bucket{p="q",le="0.5"} 1
x_seconds_bucket{p="q",le="2"} 3
x_seconds_bucket{p="q",le="+Inf"} 4
x_seconds_sum{p="q"} 12.5
x_seconds_count{p="q"} 4
`
	if got := example(false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = strings.NewReplacer(
		`HELP x_requests_total Requests of "all"`, `HELP x_requests Requests of \"all\"`,
		"TYPE x_requests_total", "TYPE x_requests", `le="2"`, `le="2.0"`,
	).Replace(want) + "# EOF\n"
	if got := example(true); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestParsed: Prometheus's own parser reads it.
func TestParsed(t *testing.T) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(example(false)))
	if err != nil || len(families) != 3 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	if got := families["x_requests_total"].Metric[1].Label[0].GetValue(); got != "a\"b\\c\nd" {
		t.Errorf("label %q", got)
	}
	if h := families["x_seconds"].Metric[0].Histogram; h.GetSampleCount() != 4 || len(h.Bucket) != 3 || h.Bucket[1].GetCumulativeCount() != 3 {
		t.Errorf("%v", h)
	}
}

func TestNegotiate(t *testing.T) {
	for accept, open := range map[string]bool{
		"":                             false,
		"*/*":                          false,
		"text/plain":                   false,
		"application/openmetrics-text": true,
		"application/openmetrics-text;version=1.0.0":                                           true,
		"application/openmetrics-text; version=9.0.0":                                          false,
		"application/openmetrics-text;q=0.5, text/plain;q=0.9":                                 false,
		"application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5":     true,
		"application/openmetrics-text;q=0":                                                     false,
		"application/openmetrics-text;q=2, application/vnd.google.protobuf;encoding=delimited": false,
		";;;, q=": false,
	} {
		if contentType, got := Negotiate(accept); got != open || strings.Contains(contentType, "openmetrics") != open {
			t.Errorf("%q: %s, %v", accept, contentType, got)
		}
	}
}
