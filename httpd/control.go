package httpd

import "context"

// Reload reads the configuration anew through Reconfigure, starts a generation
// of workers from it and waits until the last older worker is gone. An error
// says why nothing, or not all, has changed.
func (s *Server) Reload(ctx context.Context) error {
	r, err := s.instance()
	if err != nil {
		return err
	}
	return r.reload(ctx)
}

// Scale changes the number of workers and waits until it is reached.
func (s *Server) Scale(ctx context.Context, n int) error {
	r, err := s.instance()
	if err != nil {
		return err
	}
	return r.supervisor.Scale(ctx, n, false)
}

// Recycle replaces the worker of a slot and waits until it is gone.
func (s *Server) Recycle(ctx context.Context, slot int) error {
	r, err := s.instance()
	if err != nil {
		return err
	}
	return r.supervisor.Recycle(ctx, slot)
}

// Status is the state of the server, as /status.json shows it.
func (s *Server) Status(ctx context.Context) (*Status, error) {
	r, err := s.instance()
	if err != nil {
		return nil, err
	}
	return r.status(ctx)
}
