package link

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"stead/internal/core"
)

// maxInterfaceName is IFNAMSIZ without its terminating zero.
const maxInterfaceName = 15

// table is a configuration and the mailboxes of its groups. A Want is one word,
// so that writing it takes neither a lock nor memory.
type table struct {
	groups    []Group
	words     []atomic.Uint64 // by group: the latest Want
	changed   bitmap          // groups whose word the worker has not read
	announced bitmap          // groups to announce
}

// word packs a Want. Zero means that nothing was wanted yet.
type word uint64

func newWord(generation uint64, held bool) word {
	w := word(generation<<2 | 1)
	if held {
		w |= 2
	}
	return w
}

func (w word) given() bool        { return w&1 != 0 }
func (w word) held() bool         { return w&2 != 0 }
func (w word) generation() uint64 { return uint64(w) >> 2 }

// newTable checks groups and carries the Wants over from an earlier table.
func newTable(groups []Group, from *table) (*table, error) {
	t := &table{groups: groups, words: make([]atomic.Uint64, len(groups))}
	t.changed, t.announced = newBitmap(len(groups)), newBitmap(len(groups))
	byName := map[string]int{}
	if from != nil {
		for i, g := range from.groups {
			byName[g.Name] = i
		}
	}
	for i, g := range groups {
		for _, a := range g.Addresses {
			if !a.Prefix.IsValid() || a.Prefix.Addr().Zone() != "" || a.Prefix.Addr().Is4In6() {
				return nil, fmt.Errorf("group %q: %v is not an address that can be added", g.Name, a.Prefix)
			}
			if a.Interface == "" || len(a.Interface) > maxInterfaceName {
				return nil, fmt.Errorf("group %q: %s: %q is not an interface name (1 to 15 bytes)", g.Name, a.Prefix, a.Interface)
			}
		}
		if j, ok := byName[g.Name]; ok {
			t.words[i].Store(from.words[j].Load())
		}
		t.changed.set(i)
	}
	return t, nil
}

// want stores a Want and reports whether there is such a group.
func (t *table) want(group core.GroupID, generation uint64, held bool) bool {
	if group < 0 || int(group) >= len(t.groups) {
		return false
	}
	t.words[group].Store(uint64(newWord(generation, held)))
	t.changed.set(int(group))
	return true
}

// announce notes a request and reports whether there is such a group.
func (t *table) announce(group core.GroupID) bool {
	if group < 0 || int(group) >= len(t.groups) {
		return false
	}
	t.announced.set(int(group))
	return true
}

// bitmap is a set of small numbers that any goroutine may add to.
type bitmap []atomic.Uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) set(i int) { b[i/64].Or(1 << (i % 64)) }

// drain empties the set and calls f for each of its members in order.
func (b bitmap) drain(f func(i int)) {
	for i := range b {
		for w := b[i].Swap(0); w != 0; w &= w - 1 {
			f(i*64 + bits.TrailingZeros64(w))
		}
	}
}
