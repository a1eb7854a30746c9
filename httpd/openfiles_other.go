//go:build !unix

package httpd

// openFiles is how many files this process may have open, as far as it matters.
func openFiles() int { return 1024 }
