package load

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// WriteText writes the report for people, about a dozen lines.
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	manner := "kept"
	if r.Close {
		manner = "one request each"
	}
	fmt.Fprintf(&b, "%s %s at %s\n", r.Method, r.Target, r.URL)
	fmt.Fprintf(&b, "connections  %d, %s, pipeline %d; %d made\n", r.Connections, manner, r.Pipeline, r.Connects)
	fmt.Fprintf(&b, "requests     %d in %.3f s", r.Requests, r.Elapsed.Seconds())
	for _, part := range []struct {
		n    uint64
		what string
	}{{r.Tail, "after it"}, {r.WarmRequests, "to warm up"}, {r.Resent, "sent again"}, {r.Abandoned, "abandoned"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.what)
		}
	}
	fmt.Fprintf(&b, "\nrate         %.0f requests/s\n", r.Rate())
	fmt.Fprintf(&b, "octets       %d read, %d written\n", r.BytesRead, r.BytesWritten)
	fmt.Fprintf(&b, "statuses    ")
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		fmt.Fprintf(&b, " %d: %d", status, r.Statuses[status])
	}
	b.WriteByte('\n')
	if r.Requests > 0 {
		fmt.Fprintf(&b, "latency      min %s  mean %s  max %s\n", micros(r.Latency.Min()),
			micros(int64(r.Latency.Mean())), micros(r.Latency.Max()))
		b.WriteString("            ")
		for _, q := range quantiles {
			fmt.Fprintf(&b, " %s %s ", q.name, micros(r.Latency.ValueAtPercentile(q.percent)))
		}
		b.WriteByte('\n')
	}
	if w := r.Waits; w.Most > 0 {
		fmt.Fprintf(&b, "waits        longest of a connection %s, median of the longest %s; answers %d to %d, %d starved\n",
			micros(w.Longest.Microseconds()), micros(w.Median.Microseconds()), w.Fewest, w.Most, w.Starved)
	}
	if own := r.OwnCPU; own.Total() > 0 {
		fmt.Fprintf(&b, "own CPU      %.3f s user, %.3f s system, %.2f us/request\n",
			own.User.Seconds(), own.System.Seconds(), r.PerRequest(own.Total()))
	}
	if r.ServerCPU != nil {
		fmt.Fprintf(&b, "server CPU   %.3f s, %.2f us/request\n", r.ServerCPU.Seconds(), r.PerRequest(*r.ServerCPU))
	} else if r.ServerCPUError != "" {
		fmt.Fprintf(&b, "server CPU   unknown: %s\n", r.ServerCPUError)
	}
	fmt.Fprintf(&b, "failures     %d\n", r.Failures())
	for kind := range kinds {
		measured, warm := r.Errors[kind], r.WarmErrors[kind]
		if measured+warm == 0 {
			continue
		}
		fmt.Fprintf(&b, "  %-17s %d", kind, measured)
		if warm > 0 {
			fmt.Fprintf(&b, " (+%d while warming up)", warm)
		}
		fmt.Fprintf(&b, "  e.g. %s\n", r.Examples[kind])
	}
	_, err := w.Write(b.Bytes())
	return err
}

// micros shows microseconds in the unit that suits them.
func micros(n int64) string {
	return (time.Duration(n) * time.Microsecond).String()
}
