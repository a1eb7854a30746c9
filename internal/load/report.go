package load

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report is what a run measured. Counts are of requests begun in the measured
// interval, unless said otherwise.
type Report struct {
	URL         string
	Target      string
	Method      string
	Connections int
	Pipeline    int
	Close       bool
	Started     time.Time
	// Elapsed is the length of the measured interval.
	Elapsed time.Duration

	// Requests were answered, well framed. Tail of them came whole only after the
	// interval; Inside counts answers that came in it, whenever they were asked for.
	Requests, Tail, Inside uint64
	// WarmRequests were answered and begun before the interval.
	WarmRequests uint64
	// Resent requests had been pipelined behind an answer that announced the
	// close, and were sent again; that is not a failure.
	Resent uint64
	// Abandoned requests were unanswered when ctx ended, or owed at the end.
	Abandoned uint64
	// Connects is the number of connections made, over the whole run.
	Connects uint64
	// BytesRead and BytesWritten are octets of HTTP or FastCGI, over the whole run.
	BytesRead, BytesWritten uint64

	// Statuses counts the answers by status.
	Statuses map[int]uint64
	// Errors counts failures by kind; WarmErrors those of requests begun before
	// the interval. Kinds that did not happen are absent.
	Errors, WarmErrors map[Kind]uint64
	// Examples has the text of the first failure of each kind.
	Examples map[Kind]string

	// Latency is the histogram of the answered requests, in microseconds.
	Latency *hdrhistogram.Histogram
	// Waits is how long the connections waited, each by itself.
	Waits Waits

	// OwnCPU is the processor time of this process in the interval; zero where it
	// is not known.
	OwnCPU CPU
	// ServerCPU is that of Config.ServerPIDs and their descendants; nil if it was
	// not asked for, or could not be read at the end: then ServerCPUError says why.
	ServerCPU      *time.Duration
	ServerCPUError string
}

// Failures is the number of failures of every kind, those during the warm-up
// included. What statuses are failures says Config.ExpectStatus.
func (r *Report) Failures() uint64 {
	var sum uint64
	for _, n := range r.Errors {
		sum += n
	}
	for _, n := range r.WarmErrors {
		sum += n
	}
	return sum
}

// Rate is the number of answers per second in the interval.
func (r *Report) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Inside) / r.Elapsed.Seconds()
}

// PerRequest divides processor time by the answers in the interval, in
// microseconds; zero if there were none.
func (r *Report) PerRequest(used time.Duration) float64 {
	if r.Inside == 0 {
		return 0
	}
	return float64(used) / float64(time.Microsecond) / float64(r.Inside)
}

// StatusClass is the number of answers whose status begins with the digit.
func (r *Report) StatusClass(digit int) uint64 {
	var sum uint64
	for status, n := range r.Statuses {
		if status/100 == digit {
			sum += n
		}
	}
	return sum
}

// fill puts what was counted into the report.
func (t *tally) fill(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Requests, r.Tail, r.Inside = uint64(t.latency.TotalCount()), t.sum.tail, t.sum.inside
	r.WarmRequests, r.Resent, r.Abandoned = t.sum.warm, t.sum.resent, t.sum.abandoned
	r.Connects, r.BytesRead, r.BytesWritten = t.sum.connects, t.sum.read, t.sum.written
	r.Latency = t.latency
	r.Waits = waits(t.waited)
	r.Statuses = make(map[int]uint64)
	for status, n := range t.statuses {
		if n > 0 {
			r.Statuses[status] = n
		}
	}
	r.Errors, r.WarmErrors = make(map[Kind]uint64), make(map[Kind]uint64)
	r.Examples = make(map[Kind]string)
	for kind := range kinds {
		if n := t.errors[kind]; n > 0 {
			r.Errors[kind] = n
		}
		if n := t.early[kind]; n > 0 {
			r.WarmErrors[kind] = n
		}
		if err := t.examples[kind]; err != nil {
			r.Examples[kind] = err.Error()
		}
	}
}

// quantiles are those that both forms of a report name.
var quantiles = []struct {
	name    string
	percent float64
}{{"p50", 50}, {"p75", 75}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}}

// MarshalJSON gives one flat object: durations in seconds (_s), latencies and
// processor time per request in microseconds (_us), failures by kind.
func (r *Report) MarshalJSON() ([]byte, error) {
	latency := map[string]float64{
		"min": float64(r.Latency.Min()), "mean": r.Latency.Mean(),
		"max": float64(r.Latency.Max()), "stddev": r.Latency.StdDev(),
	}
	if r.Requests == 0 {
		latency = map[string]float64{}
	} else {
		for _, q := range quantiles {
			latency[q.name] = float64(r.Latency.ValueAtPercentile(q.percent))
		}
	}
	classes := make(map[string]uint64)
	for digit := 2; digit <= 5; digit++ {
		classes[fmt.Sprintf("%dxx", digit)] = r.StatusClass(digit)
	}
	object := map[string]any{
		"url": r.URL, "target": r.Target, "method": r.Method,
		"connections": r.Connections, "pipeline": r.Pipeline, "close": r.Close,
		"started": r.Started, "elapsed_s": r.Elapsed.Seconds(),
		"requests": r.Requests, "requests_per_s": r.Rate(), "tail": r.Tail, "inside": r.Inside,
		"warm_requests": r.WarmRequests, "resent": r.Resent, "abandoned": r.Abandoned,
		"connects": r.Connects, "bytes_read": r.BytesRead, "bytes_written": r.BytesWritten,
		"statuses": r.Statuses, "status_classes": classes,
		"failures": r.Failures(), "errors": r.Errors, "warm_errors": r.WarmErrors, "examples": r.Examples,
		"latency_us": latency,
		"waits": map[string]any{
			"longest_us": r.Waits.Longest.Microseconds(), "median_us": r.Waits.Median.Microseconds(),
			"fewest": r.Waits.Fewest, "most": r.Waits.Most, "starved": r.Waits.Starved,
		},
		"own_cpu_user_s":  r.OwnCPU.User.Seconds(),
		"own_cpu_sys_s":   r.OwnCPU.System.Seconds(),
		"own_cpu_us":      r.PerRequest(r.OwnCPU.Total()),
		"server_cpu_s":    nil,
		"server_cpu_us":   nil,
		"server_cpu_note": r.ServerCPUError,
	}
	if r.ServerCPU != nil {
		object["server_cpu_s"] = r.ServerCPU.Seconds()
		object["server_cpu_us"] = r.PerRequest(*r.ServerCPU)
	}
	return json.Marshal(object)
}
