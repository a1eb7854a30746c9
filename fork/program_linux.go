package fork

import (
	"fmt"
	"os"
	"sync"
)

// programs are the files that children of this program are executed from, one for
// each generation: all children of a generation run the same code, whatever becomes
// of the file meanwhile. A deployment that is half done, or broken, concerns nobody
// before the next generation is asked for; and if that does not start, the one
// before it can still be added to.
//
// The first generation runs what this process runs. The next ones run what is at
// the program's path when the first of them is started.
type programs struct {
	mu     sync.Mutex
	number string   // of this process where /proc is from: not always this pid namespace
	first  *os.File // of the first generation, whichever that is
	files  map[int]*os.File
	proved [2]int // generations that have had a child that was ready, the newest first
}

// begin opens what this process runs.
func (p *programs) begin() (err error) {
	if p.number, err = os.Readlink("/proc/self"); err != nil {
		return err
	}
	p.first, err = os.Open(shimFile)
	return err
}

// open gives the path by which a new process finds the program of a generation.
func (p *programs) open(generation int, path string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[generation]
	if f == nil {
		var err error
		if f, p.first = p.first, nil; f != nil {
			p.files = make(map[int]*os.File)
		} else if f, err = os.Open(path); err != nil {
			return "", err
		}
		for g, old := range p.files {
			if g != p.proved[0] && g != p.proved[1] {
				old.Close()
				delete(p.files, g)
			}
		}
		p.files[generation] = f
	}
	// By way of this process: what the number means in the new one is uncertain.
	return fmt.Sprintf("/proc/%s/fd/%d", p.number, f.Fd()), nil
}

// prove notes that a child of the generation is ready.
func (p *programs) prove(generation int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if generation != p.proved[0] {
		p.proved = [2]int{generation, p.proved[0]}
	}
}

func (p *programs) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first != nil {
		p.first.Close()
	}
	for _, f := range p.files {
		f.Close()
	}
	p.first, p.files = nil, nil
}
