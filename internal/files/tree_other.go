//go:build !linux

package files

import "errors"

// newTree opens a directory.
func newTree(path string, links Symlinks) (tree, error) { return newRootTree(path, links) }

// Plain descriptors are opened on Linux only.

func lookDescriptor(int) (info, error) { return info{}, errors.ErrUnsupported }

func closeDescriptor(int) {}

func readDescriptor(int, []byte, int64) (int, error) { return 0, errors.ErrUnsupported }
