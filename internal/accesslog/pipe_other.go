//go:build !linux

package accesslog

// pipeAtomic is what POSIX promises of PIPE_BUF, the size of the largest write to
// a pipe that those of others do not tear.
const pipeAtomic = 512
