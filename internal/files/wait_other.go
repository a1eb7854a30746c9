//go:build !unix

package files

// withoutWaiting: there is nothing in the file system to wait for.
const withoutWaiting = 0
