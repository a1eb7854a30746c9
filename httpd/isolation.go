package httpd

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/bident/bident/fork"
)

// Isolation says what workers may do and have: user and groups, limits, priority,
// processors, root directory and more; see [fork.Isolation].
type Isolation = fork.Isolation

// ErrPrivilege says that the server, or its children, cannot be put under the
// restrictions of its Isolation. The error names the step that was refused.
var ErrPrivilege = errors.New("httpd: isolation is not possible")

// checkIsolation reports every problem of the isolation with the rest of the server.
func (s *Server) checkIsolation(p *settings, bad func(string, ...any)) error {
	i := &s.Isolation
	if i.None() {
		return nil
	}
	problems := []error{i.Validate()}
	if p.mode == Emulate {
		if runtime.GOOS == "windows" {
			bad("Isolation is not available on windows")
		}
		for _, name := range i.ForChildren() {
			bad("%s is for children: it makes no sense in emulate mode", name)
		}
	} else {
		problems = append(problems, i.ValidateFor(s.program(), p.pool.Concurrency))
	}
	for _, pool := range p.pools {
		program := s.poolProgram(pool)
		forks := pool.Mode == Fork || program != nil
		switch {
		case p.mode == Emulate && forks && i.Chroot != "":
			bad("pool %q: this process is inside Chroot before it starts its children, and their program is not", pool.Name)
		case p.mode == Fork && forks:
			if err := i.ValidateFor(program, s.poolDefaults(pool.Config, Fork).Concurrency); err != nil {
				problems = append(problems, fmt.Errorf("pool %q: %w", pool.Name, err))
			}
		case p.mode == Fork:
			bad("pool %q: its handlers would run in the parent, to which Isolation does not apply: set its Mode to Fork", pool.Name)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// poolProgram is the external program of a pool, nil for none.
func (s *Server) poolProgram(p *Pool) []string {
	if h := s.poolHandler(p); h != nil {
		return h.program()
	}
	return nil
}

// poolHandler is the handler of a pool that is a program, nil for none.
func (s *Server) poolHandler(p *Pool) Handler {
	for _, route := range s.Routes {
		if route.Pool == p && route.Handler != nil && route.Handler.program() != nil {
			return route.Handler
		}
	}
	return nil
}

// childIsolation is that of children. Those of an emulating server are born after
// it has given up its rights, with what it has left.
func (r *instance) childIsolation() Isolation {
	if r.plan.mode == Emulate {
		return Isolation{}
	}
	return r.server.Isolation
}

// drop gives up the rights of an emulating server, whose addresses and files are
// open by now.
func (r *instance) drop() error {
	if r.plan.mode != Emulate || r.server.Isolation.None() {
		return nil
	}
	if err := r.server.Isolation.Drop(); err != nil {
		return fmt.Errorf("%w: %w", ErrPrivilege, err)
	}
	return nil
}

// backendError is the outcome that a caller can branch on.
func backendError(err error) error {
	switch {
	case errors.Is(err, fork.ErrIsolation):
		return fmt.Errorf("%w: %w", ErrPrivilege, err)
	case errors.Is(err, fork.ErrConfig):
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return fmt.Errorf("httpd: %w", err)
}
