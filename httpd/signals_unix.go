//go:build unix

package httpd

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/bident/bident/pool"
)

// sameSignal is how long after the first signal to stop nothing is killed.
const sameSignal = 50 * time.Millisecond

// handleSignals acts on the process's signals until the function that it returns
// is called. They are acted on in the order in which they come; the outcome of
// one is waited for beside the others, so that a second TERM is never kept
// waiting.
func (r *instance) handleSignals() (stop func()) {
	signals := make(chan os.Signal, 16)
	r.signals = signals
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH)
	over := make(chan struct{})
	if r.heir != nil {
		go r.takeSignals(over)
	}
	go func() {
		var stopped time.Time
		for {
			select {
			case <-over:
				return
			case sig := <-signals:
				if sig == syscall.SIGHUP && r.server.HUPStops {
					sig = syscall.SIGTERM
				}
				if stops := sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT; stops {
					r.passStop(signalNames[sig])
				} else if r.postpone(signalNames[sig]) {
					continue
				}
				switch sig {
				case syscall.SIGTERM, syscall.SIGINT:
					if !stopped.IsZero() {
						// timeout(1) sends one signal to the process and to its
						// group: who has nothing in hand can leave in order.
						r.stop(max(0, sameSignal-time.Since(stopped)))
						continue
					}
					stopped = time.Now()
					r.stop(dieTimeout(r.plan.pool))
				case syscall.SIGQUIT:
					r.stop(pool.NoLimit)
				case syscall.SIGUSR2:
					run, err := r.beginUpgrade(context.Background())
					if err != nil {
						r.log.Error("signal USR2", "error", err)
						continue
					}
					go func() { r.signalDone(sig, run()) }()
				default:
					taken := make(chan struct{})
					take := sync.OnceFunc(func() { close(taken) })
					go func() {
						defer take()
						r.signalled(pool.OnAccepted(context.Background(), take), sig)
					}()
					// Not for ever: it may read a file that never ends.
					select {
					case <-taken:
					case <-time.After(time.Second):
					}
				}
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(over)
	}
}

// takeSignals takes those that have reached an old process.
func (r *instance) takeSignals(over chan struct{}) {
	for {
		select {
		case name := <-r.heir.Signals():
			r.resignal(name)
		case <-over:
			return
		}
	}
}

// resignal makes a signal one that has reached this process.
func (r *instance) resignal(name string) {
	for sig, n := range signalNames {
		if n == name && r.signals != nil {
			select {
			case r.signals <- sig:
			case <-r.ended:
			}
		}
	}
}

// signalNames are the words by which operators know signals.
var signalNames = map[os.Signal]string{
	syscall.SIGTERM: "TERM", syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT",
	syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2",
	syscall.SIGTTIN: "TTIN", syscall.SIGTTOU: "TTOU", syscall.SIGWINCH: "WINCH",
}

// signalled does what a signal asks for, and logs the outcome.
func (r *instance) signalled(ctx context.Context, sig os.Signal) {
	var err error
	switch sig {
	case syscall.SIGHUP:
		err = r.reload(ctx)
	case syscall.SIGUSR1:
		err = r.reopenLogs()
	case syscall.SIGTTIN:
		err = r.supervisor.Scale(ctx, 1, true)
	case syscall.SIGTTOU:
		err = r.supervisor.Scale(ctx, -1, true)
	case syscall.SIGWINCH:
		err = r.supervisor.Pause(ctx)
	}
	r.signalDone(sig, err)
}

// signalDone logs what has become of what a signal has asked for.
func (r *instance) signalDone(sig os.Signal, err error) {
	name := signalNames[sig]
	if err != nil {
		r.log.Error("signal "+name, "error", err)
		return
	}
	r.log.Info("signal " + name + ": done")
}
