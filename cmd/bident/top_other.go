//go:build !unix

package main

// watchSize tells nothing where terminals do not say that their size has changed:
// the next frame asks for it.
func watchSize() (resized <-chan struct{}, stop func()) { return nil, func() {} }
