package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bident/bident/httpd"
)

// leastInterval is the shortest time between two looks at a server.
const leastInterval = 100 * time.Millisecond

// top shows the workers of a running server, again and again.
func top(args []string, stdout, stderr io.Writer) int {
	f := newFlags("top [flags]")
	var t target
	t.flags(f)
	interval := time.Second
	durationVar(f, &interval, "interval", "`time` between two looks (default 1s)")
	frames := f.Int("frames", 0, "end after so many looks; 0 goes on until q is pressed")
	rest, code, ok := parse(f, args, stdout, stderr)
	switch {
	case !ok:
		return code
	case len(rest) > 0:
		return misuse(stderr, "top takes no arguments, not %q", rest[0])
	case interval < leastInterval:
		return misuse(stderr, "top: --interval %s is less than %s", interval, leastInterval)
	case *frames < 0:
		return misuse(stderr, "top: --frames %d is negative", *frames)
	}
	c, err := t.client()
	if err != nil {
		return fail(stderr, err)
	}
	first, err := lookStatus(c)
	if err != nil {
		return fail(stderr, err)
	}
	// From here on the terminal has to be given back.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	s, err := openScreen(os.Stdin, stdout)
	if err != nil {
		return fail(stderr, err)
	}
	defer s.close()
	w := &watcher{target: t, client: c, screen: s, interval: interval, left: *frames}
	err = w.run(first, signals)
	s.close() // before anything is printed
	if err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// lookStatus reads the status of a server.
func lookStatus(c *adminClient) (sample, error) {
	body, err := c.look("/status.json")
	if err != nil {
		return sample{}, err
	}
	s := sample{at: time.Now()}
	if err := json.Unmarshal(body, &s.status); err != nil {
		return sample{}, fmt.Errorf("the server at %s answers with something else than a status: %w", c.address, err)
	}
	return s, nil
}

// sample is a status and when it was read.
type sample struct {
	at     time.Time
	status httpd.Status
}

// watcher is a run of top.
type watcher struct {
	target   target
	client   *adminClient
	screen   *screen
	interval time.Duration
	left     int // looks, 0 for no end

	before, now *sample
	trouble     error // why there is nothing newer than now
}

// looked is the outcome of a look that a goroutine of its own has made, so that
// keys and signals are heard meanwhile.
type looked struct {
	sample sample
	client *adminClient
	err    error
}

// run shows samples until somebody wants it to end.
func (w *watcher) run(first sample, signals <-chan os.Signal) error {
	outcome := make(chan looked, 1)
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	w.now = &first
	if done, err := w.show(true); done || err != nil {
		return err
	}
	looking := false
	for {
		select {
		case <-signals:
			return nil
		case key, ok := <-w.screen.keys:
			switch {
			case !ok:
				w.screen.keys = nil // the terminal is gone, or was never there
			case key == 'q' || key == 'Q' || key == 3 || key == 4: // Ctrl-C, Ctrl-D
				return nil
			}
		case <-w.screen.resized:
			if _, err := w.show(false); err != nil {
				return err
			}
		case <-ticker.C:
			if !looking {
				looking = true
				go func(c *adminClient) { outcome <- w.look(c) }(w.client)
			}
		case o := <-outcome:
			looking = false
			w.trouble = o.err
			switch {
			case o.err == nil:
				w.client = o.client
				w.before, w.now = w.now, &o.sample
			case !w.screen.terminal:
				return o.err
			}
			if done, err := w.show(true); done || err != nil {
				return err
			}
		}
	}
}

// look asks the server, or the one that has come into its place.
func (w *watcher) look(c *adminClient) looked {
	s, err := lookStatus(c)
	if err != nil {
		again, lost := w.target.client()
		if lost != nil {
			return looked{err: err}
		}
		c.client.CloseIdleConnections()
		c = again
		s, err = lookStatus(c)
	}
	return looked{s, c, err}
}

// show draws what is known. It reports true after the last look.
func (w *watcher) show(fresh bool) (done bool, err error) {
	width, height := w.screen.size()
	v := view{now: w.now, before: w.before, trouble: w.trouble, width: width, height: height, color: w.screen.color}
	if err := w.screen.draw(v.lines()); err != nil {
		return true, err
	}
	if !fresh || w.left == 0 {
		return false, nil
	}
	w.left--
	return w.left == 0, nil
}
