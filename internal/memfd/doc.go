// Package memfd hands memory to children: anonymous files that have no name
// for others to open, sealed so that no process can pull them away under
// another one that has them mapped.
//
// There are two kinds. Shared memory can be written by all who have it, but
// its size is fixed for ever. A frozen file holds a text that nobody can change
// any more.
//
// It exists on Linux only; elsewhere every function returns
// errors.ErrUnsupported.
package memfd
