package demo

import (
	"runtime"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// sleep waits, but not longer than the client does.
func sleep(ctx *fasthttp.RequestCtx) {
	ms, ok := required(ctx, "ms", 0, maxWait)
	if !ok {
		return
	}
	request := httpd.Context(ctx)
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-request.Done():
	}
	answer(ctx, "slept", int64(ms))
}

// compute keeps one core busy, but not longer than the client waits. The time is
// that of the core, not of the clock: when there are more requests than cores,
// each takes longer, as real work does.
func compute(ctx *fasthttp.RequestCtx) {
	ms, ok := required(ctx, "ms", 0, maxWait)
	if !ok {
		return
	}
	spin(time.Duration(ms)*time.Millisecond, httpd.Context(ctx).Done())
	answer(ctx, "cpu", int64(ms))
}

// spin computes for d of a core's time, or until stop is closed.
func spin(d time.Duration, stop <-chan struct{}) {
	// The system counts the time of threads: this one must be ours alone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock := threadTime
	if _, err := clock(); err != nil {
		began := time.Now()
		clock = func() (time.Duration, error) { return time.Since(began), nil }
	}
	start, _ := clock()
	state := uint64(1)
	for {
		if now, _ := clock(); now-start >= d {
			return
		}
		select {
		case <-stop:
			return
		default:
		}
		for range 20_000 { // some 20 us
			state ^= state << 13
			state ^= state >> 7
			state ^= state << 17
		}
		if state == 0 {
			return // cannot be, which the compiler does not know
		}
	}
}

// use makes the system back memory with pages, which it puts off until a page is
// written to.
func use(memory []byte) {
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
}

// allocate makes garbage.
func allocate(ctx *fasthttp.RequestCtx) {
	kb, ok := required(ctx, "kb", 0, maxMemory)
	if !ok {
		return
	}
	use(make([]byte, kb<<10))
	answer(ctx, "alloc", int64(kb))
}

// memory is what a worker has leaked: its state, shared by its lanes.
type memory struct {
	mu     sync.Mutex
	blocks [][]byte
	kb     int64
}

// Init makes the state of a worker. It is the server's WorkerInit hook.
func Init(httpd.Worker) (any, error) { return new(memory), nil }

// keep adds memory and returns how much there is, in KiB.
func (m *memory) keep(kb int) int64 {
	block := make([]byte, kb<<10)
	use(block)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocks = append(m.blocks, block)
	m.kb += int64(kb)
	return m.kb
}

// leak keeps memory for the life of the worker.
func leak(ctx *fasthttp.RequestCtx) {
	kb, ok := required(ctx, "kb", 0, maxMemory)
	if !ok {
		return
	}
	m, ok := httpd.State[*memory](ctx)
	if !ok {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
		ctx.Response.SetBodyString("this worker has no state: demo.Init is not the server's WorkerInit hook\n")
		return
	}
	answer(ctx, "leak", m.keep(kb))
}
