// Package park watches idle connections without a goroutine or a buffer for each:
// a [Lot] says which of them has something to read, or has been left by its client,
// and [Look] tells the two apart.
//
// A Lot is one epoll instance and one goroutine, from Open to Close, which waits
// for it through the runtime's poller and so holds no thread. What happens to a
// descriptor is reported once; it must be removed then, or when the watch is to end
// before, and can be added anew. The Lot owns none of the descriptors.
//
// On systems other than Linux there is none.
package park
