// Package title changes what ps and top show as the command line of this process.
//
// On Linux that is the memory in which the kernel has left the arguments, and right
// behind them the environment: a title is written over it, and never beyond. The
// environment is of no use there once the process runs, since Go has its own copy; C
// code in the same process has not, and may find its first variables changed by a
// title that is longer than the arguments were. Go has no copy of the arguments, so
// this package makes one as soon as it is initialised, and puts it into os.Args.
// Package flag has the name of the program, and gets a copy. Whoever else has kept parts
// of os.Args before that keeps the memory itself, and sees it change: packages that are
// initialised earlier, such as a logger with filepath.Base(os.Args[0]).
//
// On other systems titles are not supported.
package title
