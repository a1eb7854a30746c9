package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/bident/bident/httpd"
)

// status shows the scoreboard of a running server.
func status(args []string, stdout, stderr io.Writer) int {
	f := newFlags("status [flags]")
	var t target
	t.flags(f)
	asJSON := f.Bool("json", false, "print the status as JSON")
	watch := f.Bool("watch", false, "print it again every second until interrupted; as JSON, one object a line")
	rest, code, ok := parse(f, args, stdout, stderr)
	if !ok {
		return code
	}
	if len(rest) > 0 {
		return misuse(stderr, "status takes no arguments, not %q", rest[0])
	}
	c, err := t.client()
	if err != nil {
		return fail(stderr, err)
	}
	p := &statusPrinter{target: t, client: c, out: stdout, asJSON: *asJSON, lines: *watch}
	if !*watch {
		err = p.print()
	} else {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer signal.Stop(signals)
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		err = p.watch(ticker.C, signals)
	}
	if err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// watchInterval is the time between two statuses of status --watch.
const watchInterval = time.Second

// statusPrinter prints the status of a server, once or again and again.
type statusPrinter struct {
	target target
	client *adminClient
	out    io.Writer
	asJSON bool
	lines  bool // JSON has one line
}

// watch prints the status at once and at every tick, until a signal comes or the
// server is gone. A server that has come into the place of the first one is
// followed. Signals are heard while a server does not answer, too.
func (p *statusPrinter) watch(ticks <-chan time.Time, signals <-chan os.Signal) error {
	type answer struct {
		body []byte
		err  error
	}
	for first := true; ; first = false {
		answers := make(chan answer, 1)
		go func() {
			body, err := p.look(!first)
			answers <- answer{body, err}
		}()
		select {
		case <-signals:
			return nil
		case a := <-answers:
			if a.err != nil {
				return a.err
			}
			if !first && !p.asJSON {
				if _, err := fmt.Fprintln(p.out); err != nil {
					return err
				}
			}
			if err := p.show(a.body); err != nil {
				return err
			}
		}
		select {
		case <-signals:
			return nil
		case <-ticks:
		}
	}
}

// look asks the server, and again the one that may have come into its place.
func (p *statusPrinter) look(again bool) ([]byte, error) {
	body, err := p.client.look("/status.json")
	if err == nil || !again {
		return body, err
	}
	c, lost := p.target.client()
	if lost != nil {
		return nil, err
	}
	p.client.client.CloseIdleConnections()
	p.client = c
	return c.look("/status.json")
}

// print asks for the status and prints it.
func (p *statusPrinter) print() error {
	body, err := p.look(false)
	if err != nil {
		return err
	}
	return p.show(body)
}

// show prints a status that the server has sent.
func (p *statusPrinter) show(body []byte) error {
	if p.asJSON && !p.lines {
		_, err := p.out.Write(body)
		return err
	}
	var b bytes.Buffer
	if p.asJSON {
		if err := json.Compact(&b, body); err != nil {
			return p.strange(err)
		}
		b.WriteByte('\n')
	} else {
		var s httpd.Status
		if err := json.Unmarshal(body, &s); err != nil {
			return p.strange(err)
		}
		if err := writeStatus(&b, &s); err != nil {
			return err
		}
	}
	_, err := p.out.Write(b.Bytes())
	return err
}

// strange is the error of an answer that is no status.
func (p *statusPrinter) strange(err error) error {
	return fmt.Errorf("the server at %s answers with something else than a status: %w", p.client.address, err)
}

// writeStatus prints a status as a table.
func writeStatus(out io.Writer, s *httpd.Status) error {
	mode := s.Mode
	if s.Accept != "" {
		mode += "/" + s.Accept
	}
	fmt.Fprintf(out, "bident %s  pid %d  generation %d  up %s\n", mode, s.PID, s.Generation,
		time.Since(s.Started).Round(time.Second))
	fmt.Fprintf(out, "listening on %s\n", strings.Join(s.Listeners, ", "))
	t := s.Totals
	fmt.Fprintf(out, "requests %d  connections %d  queue %d%s\n", t.Requests, t.Connections, t.Waiting, rare(&t))
	writeUpstreams(out, s.Upstreams)
	if err := writeWorkers(out, t.Exits, s.Workers, s.Exits); err != nil {
		return err
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		t := &p.Totals
		fmt.Fprintf(out, "\npool %s  %s  generation %d\n", p.Name, p.Mode, p.Generation)
		fmt.Fprintf(out, "requests %d  queue %d%s\n", t.Requests, t.Waiting, rare(t))
		writeUpstreams(out, p.Upstreams)
		if err := writeWorkers(out, t.Exits, p.Workers, p.Exits); err != nil {
			return err
		}
	}
	return nil
}

// writeWorkers prints the workers that there are in a pool and how others ended.
func writeWorkers(out io.Writer, causes map[string]int64, workers []httpd.StatusWorker, exits []httpd.StatusExit) error {
	fmt.Fprintf(out, "exits%s\n\n", exitCounts(causes))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SLOT\tPID\tSTATE\tGEN\tREQUESTS\tCONNS\tAGE\tRSS\tREQUEST")
	for _, worker := range workers {
		request := ""
		for _, l := range worker.Lanes {
			if l.Request != "" {
				request = fmt.Sprintf("%s (%.1fs)", l.Request, l.Age)
				break
			}
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", worker.Slot, worker.PID, worker.State,
			worker.Generation, worker.Requests, worker.Connections,
			(time.Duration(worker.Age) * time.Second).String(), rss(worker.RSS), request)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, e := range exits {
		if i == 5 {
			break
		}
		fmt.Fprintf(out, "\nexit: pid %d slot %d %s %s %s", e.PID, e.Slot, e.Cause, e.Status, e.Request)
	}
	if len(exits) > 0 {
		fmt.Fprintln(out)
	}
	return nil
}

func exitCounts(exits map[string]int64) string {
	var parts []string
	for cause, n := range exits {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("  %s %d", cause, n))
		}
	}
	if len(parts) == 0 {
		return "  none"
	}
	sort.Strings(parts)
	return strings.Join(parts, "")
}

func rss(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fM", float64(n)/(1<<20))
}
