package httpd

import "sync"

// nameTable knows the servers that run in this process by their names. A child
// finds the server that it works for by name alone, so where there is a forking
// server nobody else may have its name.
type nameTable struct {
	mu    sync.Mutex
	forks map[string]int
	all   map[string]int
}

var names = nameTable{forks: make(map[string]int), all: make(map[string]int)}

// claim takes a name for a server. It reports false if that would be ambiguous.
func (t *nameTable) claim(name string, forks bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.forks[name] > 0 || forks && t.all[name] > 0 {
		return false
	}
	t.all[name]++
	if forks {
		t.forks[name]++
	}
	return true
}

// count is how many servers run in this process.
func (t *nameTable) count() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.all {
		n += one
	}
	return n
}

// release gives a name back.
func (t *nameTable) release(name string, forks bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[name]--
	if forks {
		t.forks[name]--
	}
}
