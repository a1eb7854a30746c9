package httpd

import (
	"runtime"
	"runtime/pprof"

	"github.com/bident/bident/internal/exposition"
)

// writeProcess writes the metrics of this process, the parent, under the names
// that Prometheus's libraries have given them: of Go's runtime, and of the process
// itself as far as the system tells.
func writeProcess(w *exposition.Writer) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	metric := func(kind exposition.Kind, name, help string, value float64, labels ...exposition.Label) {
		w.Family(kind, name, help)
		w.Sample(value, labels...)
	}
	metric(exposition.Gauge, "go_info", "The release of Go.", 1, exposition.Label{Name: "version", Value: runtime.Version()})
	metric(exposition.Gauge, "go_goroutines", "Goroutines.", float64(runtime.NumGoroutine()))
	metric(exposition.Gauge, "go_threads", "Threads started.", float64(pprof.Lookup("threadcreate").Count()))
	metric(exposition.Gauge, "go_sched_gomaxprocs_threads", "Threads that run Go code at a time.", float64(runtime.GOMAXPROCS(0)))
	metric(exposition.Gauge, "go_memstats_heap_alloc_bytes", "Octets of the heap in use.", float64(m.HeapAlloc))
	metric(exposition.Gauge, "go_memstats_sys_bytes", "Octets taken from the system.", float64(m.Sys))
	metric(exposition.Counter, "go_memstats_alloc_bytes_total", "Octets allocated since the start.", float64(m.TotalAlloc))
	metric(exposition.Counter, "go_gc_cycles_total", "Garbage collections.", float64(m.NumGC))
	metric(exposition.Counter, "go_gc_pause_seconds_total", "Time that garbage collections stopped everything.", float64(m.PauseTotalNs)/1e9)
	p, ok := readProcess()
	if !ok {
		return
	}
	metric(exposition.Counter, "process_cpu_seconds_total", "Processor time of user and system.", p.cpu)
	metric(exposition.Gauge, "process_resident_memory_bytes", "Resident memory.", p.resident)
	metric(exposition.Gauge, "process_virtual_memory_bytes", "Virtual memory.", p.virtual)
	metric(exposition.Gauge, "process_open_fds", "Open descriptors.", p.open)
	metric(exposition.Gauge, "process_max_fds", "The limit of open descriptors.", p.most)
}

// process is what the system knows of this process.
type process struct {
	cpu, resident, virtual, open, most float64
}
