// Package pool decides which workers exist and which of them runs a request. It
// knows neither what a worker is made of nor what a request says: backends bring
// workers to life, fronts bring requests, and this package, which uses the
// standard library only, is what they have in common.
//
// # The story
//
// A [Supervisor] keeps as many workers as its [Config] wants. It asks a [Backend]
// to start each, and the backend reports what becomes of it: ready, about to have
// begun its last request, gone. Whatever happens, the supervisor makes a [Tally]
// of the present and lets [Plan] decide.
//
// With a number of workers that follows the load it looks for requests that wait: in
// its queue, in those that the workers have themselves (each says in its row how many
// there are), and outside, where somebody else knows of them (Options.Outside,
// [Supervisor.Demand]).
//
// A front puts each request into a [Task] and calls [Queue.Do]. An idle lane takes
// it, notes in the [Scoreboard] that it begins, lets its [Runner] run it, notes
// that it has ended and answers. A worker is a [Crew] of such lanes.
//
// # States
//
// A worker is starting, live, retiring or killed, in that order (Phase); that is
// what the supervisor knows by itself. What status shows (State, one letter each)
// is read from the scoreboard, into which children write.
//
// A lane is live until it has ended, or is lost: its handler was given up, by the
// front after request_timeout or by Kill, and has not come back. A lane that is
// lost never takes another request, even if its handler comes back in the same
// moment. The slot of a worker is free when its Exited has been received and no
// lost handler is left.
//
// A task is waiting in the list, taken by a lane, running, and at last answered,
// abandoned or expired; task.go has the changes. Whoever makes the last one by
// compare-and-swap has the right to tell the front, and nobody else does.
//
// # What Plan promises
//
// Plan is a pure function: no clock, no process, no memory but the tally.
//
//   - It starts no worker if that made more than Want and MaxSurge together, those
//     that have been killed apart, and as many as Want of those that have nothing in
//     hand, were told to leave and have not (Lingering).
//   - It tells no worker to leave if that left fewer than Want less MaxUnavailable
//     that can take requests; the end of the server and Pause apart.
//   - A worker that has to go is replaced by a successor that is ready, the oldest
//     first; of those that are too many the youngest go first.
//   - Whatever has a time limit is killed when it is over: starting, retiring, the
//     end of the server; and after two seconds the first of those that linger, if they
//     are more than Want and nobody could start in their place.
//   - After deaths that nobody asked for it waits as [Backoff] says; meanwhile the
//     rest serves.
//   - When nothing happens any more, it comes to rest with Want workers of the
//     newest generation.
//
// # The queue's protocol
//
// A lane that is idle takes a ticket of its worker's max_requests and sets its bit
// in the stations: an offer. Whoever clears the bit owes the lane one message in
// its inbox, which is empty then and has room for one: a task, nil for "leave", or
// "offer again". A request that finds an offer, while nobody waits, goes straight
// to that lane and touches no lock. Else it is put into the list, under the lock,
// and its front looks for offers once more; a lane that has made an offer looks
// at the list once more. One of them sees the other, so nothing is left waiting
// beside an idle lane. Only a lane that is live has a bit set, and a crew's bits
// are given to another crew only after its last lane has gone.
//
// The bits lie in a ring and are given out in the order of birth, so that the
// oldest idle worker gets the next request. Once births have gone round the ring
// (at least 4096 of them where there may be that many workers) younger workers may
// come before older ones until the oldest has left: it is a preference, not a
// promise.
//
// A task that a lane took but cannot begin goes back to the head of the list.
//
// # Goroutines
//
//   - The supervisor's is the caller of [Supervisor.Run] and ends with it, when
//     Stop has been asked for and the last worker has gone. It alone touches the
//     roster and calls workers. Reports reach it by a mailbox that never makes
//     anybody wait, commands by a channel; it takes one a turn.
//   - The lanes' belong to the backend, which gives one to each [Lane.Run]. It
//     ends when the worker retires, has begun its last request or breaks; a lost
//     one when its handler returns.
//   - A front's is its own; it waits in [Queue.Do], and looks at the clock itself
//     if there is a limit of time.
//
// Locks: Queue.mu guards the list, its meter, the stations' owners and the crews; Lane.mu the
// fate of a lane; Crew.mu what it crashed of. None is taken on the path of a
// request that finds an idle lane.
package pool
