package files

import (
	"io/fs"
	"os"
	"strings"
)

// rootTree is a tree over os.Root, for every system.
type rootTree struct {
	root  *os.Root
	never bool
}

func newRootTree(path string, links Symlinks) (*rootTree, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &rootTree{root: root, never: links == Never}, nil
}

func (t *rootTree) open(name string) (opened, error) {
	name = name[:len(name)-1]
	var direct fs.FileInfo
	if t.never {
		var err error
		if direct, err = t.direct(name); err != nil {
			return opened{}, err
		}
	}
	f, err := t.root.OpenFile(name, os.O_RDONLY|withoutWaiting, 0)
	if err != nil {
		return opened{}, err
	}
	fi, err := f.Stat()
	if err == nil && direct != nil && !os.SameFile(fi, direct) {
		err = fs.ErrNotExist // exchanged for a link in between
	}
	if err != nil {
		f.Close()
		return opened{}, err
	}
	return opened{info: infoOf(fi), open: true, f: f}, nil
}

// direct looks at name without following links, and fails if there is one on
// the way.
func (t *rootTree) direct(name string) (fs.FileInfo, error) {
	for end := 0; ; end++ {
		next := strings.IndexByte(name[end:], '/')
		if next < 0 {
			end = len(name)
		} else {
			end += next
		}
		fi, err := t.root.Lstat(name[:end])
		if err != nil {
			return nil, err
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return nil, fs.ErrNotExist
		}
		if end == len(name) {
			return fi, nil
		}
	}
}

func (t *rootTree) stat(name string) (info, error) {
	name = name[:len(name)-1]
	if t.never {
		fi, err := t.direct(name)
		if err != nil {
			return info{}, err
		}
		return infoOf(fi), nil
	}
	fi, err := t.root.Stat(name)
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

// inspect is stat: an os.Root never leaves its directory.
func (t *rootTree) inspect(name string) (info, error) { return t.stat(name) }

func (t *rootTree) close() error { return t.root.Close() }
