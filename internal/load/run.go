package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// never is a time on the run's clock that does not come.
const never = math.MaxInt64

// run is what the connections of one Run share.
type run struct {
	config      Config
	destination destination
	addresses   []netip.AddrPort // of the host, for tcp
	good        atomic.Int32     // index of the address that answered last
	dialer      net.Dialer
	octets      []byte // Pipeline requests, one behind the other
	one         int    // octets of one of them
	timeout     int64  // nanoseconds

	base     time.Time    // zero of the run's clock
	begin    atomic.Int64 // of the measured interval, or never
	end      atomic.Int64
	left     atomic.Int64 // requests still to begin; used if Config.Requests > 0
	canceled atomic.Bool
	tally    *tally
}

// clock is the time since the run's zero, in nanoseconds, monotonic.
func (r *run) clock() int64 { return int64(time.Since(r.base)) }

// take asks to begin up to n requests now and says how many may be (0 ends the
// connection's work), and whether they belong to the measured interval.
func (r *run) take(n int, now int64) (granted int, measured bool) {
	if r.canceled.Load() || now >= r.end.Load() {
		return 0, false
	}
	if measured = now >= r.begin.Load(); !measured || r.config.Requests == 0 {
		return n, measured
	}
	rest := r.left.Add(int64(-n))
	return max(0, min(n, n+int(max(rest, int64(-n))))), true
}

// Run loads the server as c says, and returns when every request begun has
// been answered, has failed, or is overdue.
//
// An error wraps ErrConfig if c is wrong, errors.ErrUnsupported if ServerPIDs
// cannot be measured here, or says that the host has no address or that a
// server process does not exist; then there is no report. What servers do wrong
// is in the report and is no error. When ctx ends, requests in flight are
// abandoned and Run returns the report of what was measured so far together
// with the cause.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	r, err := newRun(ctx, c)
	if err != nil {
		return nil, err
	}
	if _, err := serversCPU(c.ServerPIDs); err != nil {
		return nil, fmt.Errorf("load: ServerPIDs: %w", err)
	}
	report := &Report{
		URL: c.URL, Target: r.destination.target, Method: c.Method,
		Connections: c.Connections, Pipeline: c.Pipeline, Close: c.Close,
		Started: time.Now().UTC(),
	}
	r.work(ctx, report)
	r.tally.fill(report)
	if ctx.Err() != nil {
		return report, fmt.Errorf("load: ended early: %w", context.Cause(ctx))
	}
	return report, nil
}

func newRun(ctx context.Context, c Config) (*run, error) {
	d, err := c.destination()
	if err != nil {
		return nil, err
	}
	r := &run{config: c, destination: d, timeout: int64(c.Timeout), tally: newTally()}
	if d.network == "tcp" {
		if r.addresses, err = resolve(ctx, d.address); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	// Keep-alive probes cost three system calls per connection and tell a load
	// generator nothing: an answer that does not come is overdue.
	r.dialer = net.Dialer{KeepAlive: -1}
	request := requestOctets(c, d)
	if d.fastCGI {
		request = requestRecords(c, d)
	}
	r.one = len(request)
	for range c.Pipeline {
		r.octets = append(r.octets, request...)
	}
	r.left.Store(int64(min(c.Requests, math.MaxInt64)))
	r.begin.Store(never)
	r.end.Store(never)
	return r, nil
}

// resolve looks the host up once: a look-up per connection would be measured.
func resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	addresses := make([]netip.AddrPort, 0, len(found))
	for _, ip := range found {
		addresses = append(addresses, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	if len(addresses) == 0 {
		return nil, errors.New("no address for " + host)
	}
	return addresses, nil
}

// work runs the connections and reads the clocks at both ends of the interval.
func (r *run) work(ctx context.Context, report *Report) {
	var working sync.WaitGroup
	connections := make([]*connection, r.config.Connections)
	r.base = time.Now()
	for i := range connections {
		connections[i] = newConnection(r)
	}
	var first meter
	start := func() int64 {
		first, _ = readMeter(r.config.ServerPIDs) // Run has just proven that they can be read
		begin := r.clock()
		r.begin.Store(begin)
		return begin
	}
	var begin int64
	if r.config.Warmup == 0 { // not one request goes uncounted
		begin = start()
	}
	for _, c := range connections {
		working.Go(func() { c.work(ctx) })
	}
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	watching := make(chan struct{})
	go func() { defer close(watching); r.watch(connections, done) }()
	release := context.AfterFunc(ctx, func() {
		r.canceled.Store(true)
		for _, c := range connections {
			c.interrupt()
		}
	})
	defer release()

	if r.config.Warmup > 0 {
		wait(r.config.Warmup, ctx.Done(), done)
		begin = start()
	}
	if r.config.Duration > 0 {
		wait(r.config.Duration, ctx.Done(), done)
	} else {
		<-done
	}
	end := r.clock()
	r.end.Store(end)
	last, err := readMeter(r.config.ServerPIDs)
	<-done
	<-watching

	report.Elapsed = time.Duration(end - begin)
	report.OwnCPU = last.own.minus(first.own)
	switch {
	case len(r.config.ServerPIDs) == 0:
	case err != nil:
		report.ServerCPUError = err.Error()
	case last.servers < first.servers:
		report.ServerCPUError = "a descendant left the tree: its parent died, or did not wait for it"
	default:
		used := last.servers - first.servers
		report.ServerCPU = &used
	}
}

// wait returns after d, or when one of two channels is closed.
func wait(d time.Duration, a, b <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a:
	case <-b:
	}
}

// watch interrupts connections whose answer is overdue, until done is closed.
func (r *run) watch(connections []*connection, done <-chan struct{}) {
	ticker := time.NewTicker(max(r.config.Timeout/20, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		now := r.clock()
		for _, c := range connections {
			if c.overdue(now) {
				c.interrupt()
			}
		}
	}
}
