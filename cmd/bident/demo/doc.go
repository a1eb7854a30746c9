// Package demo is the demonstration application of "bident serve --app demo":
// small answers with one property each (streamed, large, slow, greedy, broken),
// for experiments, examples and checks.
//
// It knows nothing of modes. It is a fasthttp handler that uses what package
// httpd offers to every handler: WorkerOf for the header X-Bident-Worker, State
// for what /leak keeps, Stream, Context, ErrorStream and Variables. Init must be
// the server's WorkerInit hook, or /leak has nowhere to keep anything.
//
// # Parameters
//
// A parameter that is missing has its default; those for which no default makes
// sense are required. A bad one is answered 400, with a line that says which and
// what it may be. All are bounded, so that a mistyped number costs a clear answer
// and not the machine.
//
// # What goes on after an answer
//
// Nothing: /sleep, /cpu and /stream end when the request's context does. The
// exceptions break things on purpose, /panic, /exit, /crash and /hang, and are
// only there with Options.Faults.
package demo
