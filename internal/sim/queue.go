package sim

// what says what happens at an entry of the queue.
type what uint8

const (
	atWake         what = iota + 1 // a is the host
	atDeliver                      // a is the host, b the sender, c the path, buf the bytes
	atAdvert                       // a is the host, b the sender, c the group, buf the bytes
	atActuator                     // a is the host, b the group
	atPersist                      // a is the host, b the group
	atCheck                        // a is the host, b the group, c the check
	atAnnounce                     // a is the client, b the group, c the host
	atFault                        // a is the place in the schedule, b is 1 at its end
	atStart                        // a is the host
	atExit                         // a is the host
	atLook                         // the checkers that watch what lasts
	atRepair                       // a is the host, b the group
	atInject                       // the adversary acts
	atHook                         // a is the host, b the group, number the generation
	atSegment                      // a is the connection, b the end that sent it, buf the bytes or negative
	atRetry                        // a is the connection, b the end
	atReset                        // a is the connection, b the end that hears of it
	atAsk                          // a is the connection, b the end that asks, c the attempt
	atJoined                       // a is the connection, b the end
	atRefused                      // a is the connection, b the end
	atTaken                        // a is the connection
	atControl                      // a is the host, b the BFD session, c the end that it reaches, buf the bytes
	atFar                          // a is the host, b the route server
	atStoreLeave                   // a is the operation
	atStoreArrive                  // a is the operation
	atStoreAnswer                  // a is the operation
	atStoreTimeout                 // a is the operation
	atStoreTold                    // a is the host, b the register
)

// entry is something that will happen.
type entry struct {
	at      moment
	order   uint64 // of entries at the same moment, the one queued first
	life    uint32 // of the daemon it belongs to, where it dies with it
	what    what
	a, b, c int32
	buf     int32
	number  uint64
}

func (e *entry) before(o *entry) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.order < o.order
}

// queue is a binary heap of entries by time, then by the order of queueing.
type queue struct {
	heap  []entry
	count uint64
}

func (q *queue) push(e entry) {
	q.count++
	e.order = q.count
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&q.heap[up]) {
			break
		}
		q.heap[i] = q.heap[up]
		i = up
	}
	q.heap[i] = e
}

// next is the moment of the first entry.
func (q *queue) next() moment {
	if len(q.heap) == 0 {
		return never
	}
	return q.heap[0].at
}

func (q *queue) pop() entry {
	first := q.heap[0]
	n := len(q.heap) - 1
	last := q.heap[n]
	q.heap = q.heap[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= n {
			break
		}
		if right := down + 1; right < n && q.heap[right].before(&q.heap[down]) {
			down = right
		}
		if !q.heap[down].before(&last) {
			break
		}
		q.heap[i] = q.heap[down]
		i = down
	}
	q.heap[i] = last
	return first
}

// buffers lends the bytes of packets under way and takes them back, so that a
// world does not allocate at the rate of its heartbeats.
type buffers struct {
	all  [][]byte
	free []int32
}

// keep copies b and returns its number.
func (p *buffers) keep(b []byte) int32 {
	var n int32
	if k := len(p.free); k > 0 {
		n = p.free[k-1]
		p.free = p.free[:k-1]
	} else {
		n = int32(len(p.all))
		p.all = append(p.all, nil)
	}
	p.all[n] = append(p.all[n][:0], b...)
	return n
}

func (p *buffers) bytes(n int32) []byte { return p.all[n] }

func (p *buffers) release(n int32) { p.free = append(p.free, n) }
