package fork

import (
	"errors"
	"os"
)

// gifts are files that every child of this program has, by name.
type gifts map[string]*os.File

func (g gifts) close() {
	for _, f := range g {
		f.Close()
	}
}

// errGift says that nobody is there to take a file.
var errGift = errors.New("fork: external programs take no files")

// GiveAll gives a file, which belongs to the backend from now on, to every child
// that lives and to all that will: in place of the one that they had by that
// name. The error joins those of the children that could not be told.
func (b *Backend) GiveAll(name string, f *os.File) error {
	if b.config.External() {
		return errors.Join(errGift, f.Close())
	}
	b.giftMu.Lock()
	defer b.giftMu.Unlock()
	if old := b.gifts[name]; old != nil {
		old.Close()
	}
	if b.gifts == nil {
		b.gifts = make(gifts)
	}
	b.gifts[name] = f
	b.mu.Lock()
	var living []*process
	for p := range b.live {
		living = append(living, p)
	}
	b.mu.Unlock()
	var problems []error
	for _, p := range living {
		p.mu.Lock()
		// A child that is not born yet is given everything at its birth.
		known := p.given
		p.mu.Unlock()
		if known {
			problems = append(problems, p.give(name, int(f.Fd())))
		}
	}
	return errors.Join(problems...)
}

// endow gives a child that was just born all files. It runs in the spawner's
// thread.
func (p *process) endow() error {
	b := p.backend
	b.giftMu.Lock()
	defer b.giftMu.Unlock()
	p.mu.Lock()
	p.given = true
	p.mu.Unlock()
	for name, f := range b.gifts {
		if err := p.give(name, int(f.Fd())); err != nil {
			return err
		}
	}
	return nil
}
