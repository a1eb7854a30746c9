package files

import (
	"io/fs"
	"os"
	slashed "path"
	"path/filepath"
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

func (t *rootTree) trace(name string) (opened, string, error) {
	o, err := t.open(name)
	if err != nil {
		return opened{}, "", err
	}
	name = name[:len(name)-1]
	own := ""
	fi, err := t.direct(name)
	if err != nil {
		if own, err = t.own(name); err == nil {
			fi, err = t.direct(own)
			own = "/" + own
		}
	}
	if err != nil || !os.SameFile(fi, o.info.portable) {
		o.close()
		return opened{}, "", errRefused // it has changed in between, or cannot be known
	}
	return o, own, nil
}

// maxLinks is how many links there may be on the way to a file.
const maxLinks = 40

// own is name without links.
func (t *rootTree) own(name string) (string, error) {
	for range maxLinks {
		link, rest, err := t.link(name)
		if err != nil || link == "" {
			return name, err
		}
		to, err := t.root.Readlink(link)
		if err != nil {
			return "", err
		}
		name = slashed.Join(slashed.Dir(link), filepath.ToSlash(to), rest)
	}
	return "", errRefused
}

// link is the first link on the way to name, and what follows it.
func (t *rootTree) link(name string) (link, rest string, err error) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		fi, err := t.root.Lstat(name[:i])
		if err != nil {
			return "", "", err
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return name[:i], name[i:], nil
		}
	}
	return "", "", nil
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
