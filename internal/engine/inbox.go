package engine

import "sync/atomic"

// queue hands values from any goroutines to one. Neither side ever waits for
// the other: a thread that the kernel puts aside in the middle of a push blocks
// nobody, whatever its priority.
type queue[T any] struct {
	head atomic.Pointer[entry[T]]
	wake func()
}

type entry[T any] struct {
	value T
	next  *entry[T]
}

// push appends a value.
func (q *queue[T]) push(v T) {
	e := &entry[T]{value: v}
	for {
		e.next = q.head.Load()
		if q.head.CompareAndSwap(e.next, e) {
			break
		}
	}
	q.wake()
}

// drain calls f with all values, in the order in which they were pushed.
func (q *queue[T]) drain(f func(T)) {
	var first *entry[T]
	for e := q.head.Swap(nil); e != nil; {
		next := e.next
		e.next = first
		first, e = e, next
	}
	for ; first != nil; first = first.next {
		f(first.value)
	}
}
