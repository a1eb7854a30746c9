//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// watchSize tells when the terminal has another size.
func watchSize() (resized <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1)
	changed := make(chan struct{}, 1)
	over := make(chan struct{})
	signal.Notify(signals, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-signals:
				select {
				case changed <- struct{}{}:
				default: // it is known already
				}
			case <-over:
				return
			}
		}
	}()
	return changed, func() {
		signal.Stop(signals)
		close(over)
	}
}
