//go:build !unix

package httpd

import (
	"os"
	"os/signal"
)

// resignal does nothing: there is no upgrade that could make a signal wait.
func (*instance) resignal(string) {}

// handleSignals stops the server at an interrupt, and kills what is left of it
// at the second one.
func (r *instance) handleSignals() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	over := make(chan struct{})
	go func() {
		timeout := dieTimeout(r.plan.pool)
		for {
			select {
			case <-over:
				return
			case <-signals:
				r.stop(timeout)
				timeout = 0
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(over)
	}
}
