package exposition

import (
	"math"
	"strconv"
	"strings"
)

// Kind is what a family measures.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Label is a name and a value that tell the samples of a family apart. A label
// with an empty value is the same as none (OpenMetrics 1.0.0, section 4.4).
type Label struct{ Name, Value string }

// Bucket is how many observations were at most LE.
type Bucket struct {
	LE    float64
	Count uint64 // of this bucket and all below it
}

// Writer collects the text of a scrape. Families must not come twice. The zero
// value writes Prometheus's format.
type Writer struct {
	OpenMetrics bool

	out  []byte
	name string // of the family
	kind Kind
}

// Family begins a family. The name of a counter ends in _total.
func (w *Writer) Family(kind Kind, name, help string) {
	w.name, w.kind = name, kind
	if w.OpenMetrics && kind == Counter {
		name = strings.TrimSuffix(name, "_total")
	}
	w.out = append(w.out, "# HELP "+name+" "...)
	w.out = appendEscaped(w.out, help, w.OpenMetrics)
	w.out = append(w.out, "\n# TYPE "+name+" "+string(kind)+"\n"...)
}

// Sample is one value of the family.
func (w *Writer) Sample(value float64, labels ...Label) {
	w.sample("", value, labels)
}

// Observations are the samples of a histogram: the buckets in their order, without
// the last one, which has no bound, the number of all observations, and their sum.
func (w *Writer) Observations(buckets []Bucket, count uint64, sum float64, labels ...Label) {
	bounded := append(labels[:len(labels):len(labels)], Label{Name: "le"})
	le := &bounded[len(labels)].Value
	for _, b := range buckets {
		*le = w.bound(b.LE)
		w.sample("_bucket", float64(b.Count), bounded)
	}
	*le = "+Inf"
	w.sample("_bucket", float64(count), bounded)
	w.sample("_sum", sum, labels)
	w.sample("_count", float64(count), labels)
}

// bound is a bucket's bound as the value of a label. In OpenMetrics it is always
// a floating point number.
func (w *Writer) bound(le float64) string {
	text := number(le)
	if w.OpenMetrics && !strings.ContainsAny(text, ".eIN") {
		text += ".0"
	}
	return text
}

func (w *Writer) sample(suffix string, value float64, labels []Label) {
	w.out = append(w.out, w.name...)
	w.out = append(w.out, suffix...)
	open := byte('{')
	for _, l := range labels {
		w.out = append(w.out, open)
		w.out = append(w.out, l.Name...)
		w.out = append(w.out, '=', '"')
		w.out = appendEscaped(w.out, l.Value, true)
		w.out = append(w.out, '"')
		open = ','
	}
	if open == ',' {
		w.out = append(w.out, '}')
	}
	w.out = append(w.out, ' ')
	w.out = append(w.out, number(value)...)
	w.out = append(w.out, '\n')
}

// Text is the whole scrape. The Writer must not be used after.
func (w *Writer) Text() []byte {
	if w.OpenMetrics {
		w.out = append(w.out, "# EOF\n"...)
	}
	return w.out
}

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case math.IsNaN(v):
		return "NaN"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// appendEscaped appends text that must not end the line, nor, where there are
// quotes, the value. What is not UTF-8 is replaced: both formats are UTF-8.
func appendEscaped(out []byte, text string, quotes bool) []byte {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			out = append(out, '\\', '\\')
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '"' && quotes:
			out = append(out, '\\', '"')
		default:
			out = append(out, c)
		}
	}
	return out
}
