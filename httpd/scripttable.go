package httpd

// scriptTable are all Scripts of a server in use.
type scriptTable struct {
	own    *scripts         // of the server's own handler, nil for none
	routed map[int]*scripts // of routes, by their index in Server.Routes
}

// of are the Scripts of a route, or with -1 of the server's own handler; nil for none.
func (t *scriptTable) of(route int) *scripts {
	switch {
	case t == nil:
		return nil
	case route < 0:
		return t.own
	}
	return t.routed[route]
}

func (t *scriptTable) close() {
	if t == nil {
		return
	}
	if t.own != nil {
		t.own.close()
	}
	for _, s := range t.routed {
		s.close()
	}
}

// newScripts opens the directories of all Scripts, as they are by now. The table is
// nil if there are none.
func (r *instance) newScripts() (_ *scriptTable, err error) {
	t := &scriptTable{routed: make(map[int]*scripts)}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if h, ok := r.server.Handler.(*Scripts); ok {
		if t.own, err = h.open(&r.server.Isolation); err != nil {
			t.own = nil
			return nil, err
		}
	}
	for i, route := range r.server.Routes {
		if h, ok := route.Handler.(*Scripts); ok {
			s, err := h.open(&r.server.Isolation)
			if err != nil {
				return nil, err
			}
			t.routed[i] = s
		}
	}
	if t.own == nil && len(t.routed) == 0 {
		return nil, nil
	}
	return t, nil
}

// openScripts is newScripts for a server that begins.
func (r *instance) openScripts() error {
	t, err := r.newScripts()
	if err != nil || t == nil {
		return err
	}
	r.front.scripts.Store(t)
	r.closers = append(r.closers, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.formerScripts.close()
		r.front.scripts.Load().close()
	})
	return nil
}

// useScripts puts the directories to use that a reload has found. Those before stay
// open until the next time: requests that are under way may still want a file.
func (r *instance) useScripts(t *scriptTable) {
	if t != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.formerScripts.close()
		r.formerScripts = r.front.scripts.Swap(t)
	}
}
