//go:build !unix

package files

import "testing"

// makeFIFO: there are none, and what is not there is 404 too.
func makeFIFO(testing.TB, string) {}
