package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
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
	body, err := c.look("/status.json")
	if err != nil {
		return fail(stderr, err)
	}
	if *asJSON {
		_, err = stdout.Write(body)
	} else {
		var s httpd.Status
		if err = json.Unmarshal(body, &s); err == nil {
			err = writeStatus(stdout, &s)
		}
	}
	if err != nil {
		return fail(stderr, err)
	}
	return exitOK
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
	fmt.Fprintf(out, "requests %d  connections %d  queued %d  shed %d  timeouts %d  lost %d  spawned %d\n",
		t.Requests, t.Connections, t.Queued, t.Shed, t.Timeouts, t.Lost, t.Spawned)
	fmt.Fprintf(out, "exits%s\n\n", exitCounts(t.Exits))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SLOT\tPID\tSTATE\tGEN\tREQUESTS\tCONNS\tAGE\tRSS\tREQUEST")
	for _, worker := range s.Workers {
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
	for i, e := range s.Exits {
		if i == 5 {
			break
		}
		fmt.Fprintf(out, "\nexit: pid %d slot %d %s %s %s", e.PID, e.Slot, e.Cause, e.Status, e.Request)
	}
	if len(s.Exits) > 0 {
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
