// Package emulate makes workers out of goroutines that live and die like
// prefork children: they are born with an init hook, serve a limited number of
// requests, crash, are retired, killed and replaced, and have a serial number
// where a process has its pid.
//
// # Goroutines
//
// Each lane is a goroutine for the whole of its life, so a pool of goroutines would
// have nothing to do. A worker is started by a goroutine of its own, which ends when
// the worker is ready, and ended by another one, which runs the finish hook and reports
// the exit.
//
// # What a goroutine cannot do
//
// It cannot be killed. Kill, and a handler that takes longer than
// request_timeout, give the request up: its client gets an error, its context
// ends, and the worker leaves without it. Until the handler returns it holds
// its slot in the scoreboard, in state X, and counts as lost. When the last one has
// returned the finish hook is called, and Returned is reported after the Exited
// that there was. An init hook that does not return is left behind in the same way,
// but holds no slot.
package emulate
