//go:build unix

package httpd

import "io/fs"

// executableFile reports whether somebody may execute a file.
func executableFile(f fs.FileInfo) bool { return f.Mode()&0o111 != 0 }
