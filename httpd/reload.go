package httpd

import (
	"context"
	"errors"
	"fmt"

	"github.com/bident/bident/internal/notify"
)

// reload gives the pool its new configuration, and puts to use the certificates
// that are in their files by now.
func (r *instance) reload(ctx context.Context) (err error) {
	r.notify(notify.Reloading()...)
	defer func() { err = r.reloaded(err) }()
	use, err := r.reread()
	if err != nil {
		return fmt.Errorf("httpd: nothing was changed: %w", err)
	}
	c := r.server.Pool
	if f := r.server.Reconfigure; f != nil {
		if c, err = f(); err != nil {
			return fmt.Errorf("httpd: nothing was changed: %w", err)
		}
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("httpd: nothing was changed: %w: %w", ErrConfig, err)
	}
	if err := checkMemory(c, r.plan.mode); err != nil {
		return fmt.Errorf("httpd: nothing was changed: %w", err)
	}
	c = r.server.poolDefaults(c, r.plan.mode)
	if have := r.plan.pool.Concurrency; c.Concurrency != have {
		return fmt.Errorf("httpd: nothing was changed: %w: Concurrency cannot change from %d to %d without a restart",
			ErrConfig, have, c.Concurrency)
	}
	scripts, err := r.newScripts()
	if err == nil {
		err = use()
	}
	if err != nil {
		scripts.close()
		return fmt.Errorf("httpd: nothing was changed: %w", err)
	}
	r.useScripts(scripts)
	if r.broker != nil {
		r.broker.configure(c.QueueSize, c.QueueTimeout)
	}
	return errors.Join(r.supervisor.Reload(ctx, c), r.reloadAnnexes(ctx))
}
