//go:build !linux

package httpd

import "errors"

// giveConn is not available here.
func giveConn(func(string, uintptr) error, string, *readConn) error { return errors.ErrUnsupported }
