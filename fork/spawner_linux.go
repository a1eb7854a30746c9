package fork

import "runtime"

// spawner is the one thread that starts children. A child asks the kernel to be
// killed when its parent dies (PR_SET_PDEATHSIG), and what the kernel takes for
// the parent is the thread that forked: threads of a Go program come and go, so
// this one stays for as long as there are children.
type spawner struct {
	births chan func()
	done   chan struct{}
}

// newSpawner starts the thread. At most waiting births can be asked for without
// blocking.
func newSpawner(waiting int) *spawner {
	s := &spawner{births: make(chan func(), waiting), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for give := range s.births {
		give()
	}
}

// stop ends the thread. No child may be left.
func (s *spawner) stop() {
	close(s.births)
	<-s.done
}
