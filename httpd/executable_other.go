//go:build !unix

package httpd

import "io/fs"

// executableFile leaves it to the system to find out.
func executableFile(fs.FileInfo) bool { return true }
