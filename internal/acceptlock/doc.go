// Package acceptlock lets one of many processes at a time do something, such as wait
// in accept on a listener that they share: Net::Server's serialize. A process that
// is killed while it has the lock keeps it from nobody.
//
// The parent has a [Keeper]; each child is issued descriptors, which it turns into
// its [Lock].
//
//   - Flock: flock(2) on a file. The lock belongs to an open file description, and
//     each child has one of its own, which nobody else has: when it dies the kernel
//     closes it.
//   - Semaphore: a word in shared memory that is a robust, priority-inheriting futex.
//     Waiters get it in the order of their coming, and the kernel hands it on when
//     the thread that has it dies.
//   - Pipe: an octet in a pipe. Whoever has read it has the lock, and writes it back.
//     Each child says in a word of shared memory of its own what it is about to do;
//     when it has died the parent puts the token back that died with it. If that
//     cannot be told for certain there may be a token too many for a while, which
//     lets two processes in: that costs a wasted wake-up, and nothing else.
//
// A wait for a lock cannot be interrupted, but it holds nothing: the process may
// exit at any time.
//
// A process that is stopped (SIGSTOP) keeps the lock, and the others wait until it is
// continued or killed. Nobody takes it away: the stopped one would go on in the belief
// that it has it. Whoever looks after the processes kills it.
package acceptlock
