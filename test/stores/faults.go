package stores

import (
	"net/http"
	"time"
)

// Lose passes a request on, and breaks the connection instead of answering.
func Lose(_ http.ResponseWriter, _ *http.Request, forward func() *Answer) {
	forward()
	panic(http.ErrAbortHandler)
}

// Drop breaks the connection; the store never sees the request.
func Drop(http.ResponseWriter, *http.Request, func() *Answer) { panic(http.ErrAbortHandler) }

// Hang takes a request and does nothing until the client has left.
func Hang(_ http.ResponseWriter, r *http.Request, _ func() *Answer) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Repeat passes a request on twice, as something on the way may do that has lost
// the first answer, and gives the second answer.
func Repeat(w http.ResponseWriter, _ *http.Request, forward func() *Answer) {
	forward()
	forward().send(w)
}

// Answers answers in the store's place.
func Answers(status int, header map[string]string, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func() *Answer) {
		answer := &Answer{Status: status, Header: http.Header{}, Body: []byte(body)}
		for name, value := range header {
			answer.Header.Set(name, value)
		}
		answer.send(w)
	}
}

// Delayed is a request that has been held back.
type Delayed struct {
	arrived chan struct{}
	release chan struct{}
	done    chan int
}

// Late returns a fault that holds a request back, and what holds it.
func Late() (*Delayed, Fault) {
	d := &Delayed{make(chan struct{}), make(chan struct{}), make(chan int, 1)}
	return d, func(_ http.ResponseWriter, r *http.Request, forward func() *Answer) {
		close(d.arrived)
		select {
		case <-d.release:
			d.done <- forward().Status
		case <-time.After(patience):
			d.done <- 0
		}
		panic(http.ErrAbortHandler)
	}
}

// Release passes the request on, and returns the status of the answer that nobody
// gets any more; 0 if it never came or was held back too long.
func (d *Delayed) Release() int {
	select {
	case <-d.arrived:
	case <-time.After(patience):
		return 0
	}
	close(d.release)
	select {
	case status := <-d.done:
		return status
	case <-time.After(patience):
		return 0
	}
}
