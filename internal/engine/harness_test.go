package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"stead/internal/adapter/socket"
	"stead/internal/core"
	"stead/internal/testns"
)

func TestMain(m *testing.M) {
	// An engine keeps one place of the scheduler to itself while it waits.
	runtime.GOMAXPROCS(runtime.NumCPU() + 4)
	testns.Main(m)
}

const (
	patience = 10 * time.Second
	lease    = 100 * time.Millisecond
)

// node is an engine with a real core and real sockets. What it would do to the
// kernel is written down.
type node struct {
	t      testing.TB
	name   string
	engine *Engine
	ended  chan error

	mu     sync.Mutex
	did    []string // fence, holds, in order
	told   []Told
	closed map[int]bool // slots of the fence
	bound  int          // the slot of the addresses
	gaps   int          // how often that was closed under them
	open   bool         // the group is bound to a lease
	refuse error        // of the fence
	broken bool         // the fence panics
}

// newNodes are members with descending priorities in one group without
// preemption, on the addresses 127.0.0.1 and so on of a namespace of their own.
// Nothing runs yet.
func newNodes(t testing.TB, n int) []*node {
	t.Helper()
	ns := testns.New(t)
	var nodes []*node
	for i := range n {
		h := &node{t: t, name: fmt.Sprint("n", i), ended: make(chan error, 1), closed: map[int]bool{}}
		cfg := config(i, n)
		var sockets *socket.Set
		var err error
		ns.Do(func() { sockets, err = socket.Open(paths(&cfg)) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sockets.Close)
		h.engine = New(Options{Core: core.New(cfg), Sockets: sockets, Fence: h, Holds: h, Tell: h.tell})
		nodes = append(nodes, h)
	}
	return nodes
}

func config(self, n int) core.Config {
	c := core.Config{Self: core.NodeID(self), Incarnation: uint64(self + 1), Keys: [][]byte{[]byte("0123456789abcdef")}, Interval: lease / 5}
	g := core.Group{Name: "web", Quorum: n > 2, Interval: lease / 5, Multiplier: 5}
	for i := range n {
		path := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}), 9176)
		c.Nodes = append(c.Nodes, core.Node{Name: fmt.Sprint("n", i), Paths: []netip.AddrPort{path}})
		g.Members = append(g.Members, core.Member{Node: core.NodeID(i), Priority: 200 - i})
		g.Voters = append(g.Voters, core.NodeID(i))
	}
	c.Groups = []core.Group{g}
	return c
}

func paths(c *core.Config) []socket.Path {
	var out []socket.Path
	for i, n := range c.Nodes {
		if i != int(c.Self) {
			out = append(out, socket.Path{Node: i, Local: c.Nodes[c.Self].Paths[0], Remote: n.Paths[0]})
		}
	}
	return out
}

// run runs the engine until the test ends, or it does.
func (h *node) run() {
	ended := make(chan struct{})
	go func() { defer close(ended); h.ended <- h.engine.Run() }()
	h.t.Cleanup(func() {
		h.engine.Post(core.Command{ID: h.engine.CommandID(), Verb: core.Abort, Group: core.AllGroups})
		select {
		case <-ended:
		case <-time.After(patience):
			h.t.Errorf("the engine of %s does not end", h.name)
		}
	})
}

// ends waits for the end of Run.
func (h *node) ends() error {
	h.t.Helper()
	select {
	case err := <-h.ended:
		return err
	case <-time.After(patience):
		h.t.Fatalf("the engine of %s has not ended", h.name)
		return nil
	}
}

// note writes down what is not the same again.
func (h *node) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if n := len(h.did); n == 0 || h.did[n-1] != text {
		h.did = append(h.did, text)
	}
}

func (h *node) Slot(s core.FenceSlot) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken {
		panic("the fence is broken")
	}
	h.closed[s.Slot] = s.Serve <= Now()
	if s.Closes() && s.Slot == h.bound {
		h.gaps++
	}
	return h.refuse
}

// Bind notes changes between open and closed only: a lease may move.
func (h *node) Bind(_ core.GroupID, slot int) error {
	h.mu.Lock()
	was := h.open
	h.open, h.bound = slot != 0, slot
	h.mu.Unlock()
	switch {
	case slot == 0:
		h.note("fence closes")
	case !was:
		h.note("fence opens")
	}
	return nil
}

func (h *node) Want(group core.GroupID, generation uint64, held bool) {
	h.note("held %v", held)
	h.engine.Post(core.Applied{Group: group, Generation: generation})
}

func (h *node) Announce(core.GroupID) { h.note("announce") }

func (h *node) tell(t Told) {
	h.mu.Lock()
	h.told = append(h.told, t)
	h.mu.Unlock()
	if t.Do != nil {
		t.Do()
	}
}

// done is what the engine has done since mark.
func (h *node) done(mark int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.did[mark:]...)
}

func (h *node) mark() int { return len(h.done(0)) }

// notes are those of a kind.
func (h *node) notes(kind core.NoteKind) []core.Note {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []core.Note
	for _, t := range h.told {
		if t.Note != nil && t.Note.Kind == kind {
			out = append(out, *t.Note)
		}
	}
	return out
}

// reply waits for the answer to a command.
func (h *node) reply(id uint64) core.Reply {
	h.t.Helper()
	var reply core.Reply
	testns.Eventually(h.t, patience, "a reply", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, t := range h.told {
			if t.Reply != nil && t.Reply.ID == id {
				reply = *t.Reply
				return true
			}
		}
		return false
	})
	return reply
}

func (h *node) command(verb core.Verb, to core.NodeID) core.Reply {
	h.t.Helper()
	id := h.engine.CommandID()
	h.engine.Post(core.Command{ID: id, Verb: verb, To: to})
	return h.reply(id)
}

// view waits for the engine's state.
func (h *node) view() View {
	h.t.Helper()
	select {
	case v := <-h.engine.Inspect():
		return v
	case <-time.After(patience):
		h.t.Fatalf("the engine of %s does not answer", h.name)
		return View{}
	}
}

// becomes waits until the node serves, or does not.
func (h *node) becomes(active bool) {
	h.t.Helper()
	testns.Eventually(h.t, patience, fmt.Sprintf("%s serves: %v", h.name, active), func() bool { return h.view().Groups[0].Open == active })
}

// start runs all nodes, and returns the one that serves and the others.
func start(t testing.TB, nodes []*node) (active *node, standby []*node) {
	t.Helper()
	for _, h := range nodes {
		h.run()
	}
	testns.Eventually(t, patience, "one serves, and all know it", func() bool {
		active, standby = nil, nil
		owned := 0
		for _, h := range nodes {
			g := h.view().Groups[0]
			if g.Owner >= 0 {
				owned++
			}
			if g.Open {
				active = h
			} else {
				standby = append(standby, h)
			}
		}
		return active != nil && owned == len(nodes)
	})
	return active, standby
}

var errRefused = errors.New("the kernel refuses")
