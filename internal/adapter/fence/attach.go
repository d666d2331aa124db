package fence

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// attacher keeps the programs on every interface that can bring packets to this
// host. Its methods run on one thread that is in the network namespace; status
// may be read from anywhere.
type attacher struct {
	netlink  *netlink.Handle
	hook     hook
	other    hook // where an earlier run may have left programs; nil where there is no other
	programs [directions]*ebpf.Program
	ids      [directions]ebpf.ProgramID

	known map[int]string // interfaces that have the programs, by index

	mu       sync.Mutex
	attached []string
	problems []string
	repairs  uint64
}

// carriers are the kinds of master that take every frame of their ports. The
// IP stack never sees such a port, and the frames that are carried past this host
// must not be held back: the program is on the master.
var carriers = []string{"bridge", "openvswitch", "bond", "team"}

// links lists the interfaces that get the programs, and those that must not have them.
func (a *attacher) links() (want, not map[int]string, err error) {
	all, err := a.netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, nil, fmt.Errorf("list interfaces: %w", err)
	}
	kinds := make(map[int]string, len(all))
	for _, l := range all {
		kinds[l.Attrs().Index] = l.Type()
	}
	want, not = make(map[int]string), make(map[int]string)
	for _, l := range all {
		attrs := l.Attrs()
		if attrs.RawFlags&unix.IFF_LOOPBACK != 0 || slices.Contains(carriers, kinds[attrs.MasterIndex]) {
			not[attrs.Index] = attrs.Name
		} else {
			want[attrs.Index] = attrs.Name
		}
	}
	return want, not, nil
}

// sweep attaches the programs where they are missing and removes what an earlier
// run left. What is missing where it was before has been removed by a stranger.
func (a *attacher) sweep() {
	want, not, err := a.links()
	if err != nil {
		a.publish([]string{err.Error()}, 0)
		return
	}
	var problems []string
	repairs := uint64(0)
	for index, name := range want {
		fixed, err := a.ensure(index)
		if gone(err) {
			continue
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		}
		if _, before := a.known[index]; before {
			repairs += uint64(fixed)
		}
		if err == nil || errors.Is(err, errBehind) {
			a.known[index] = name
		}
	}
	for index, name := range not {
		if err := a.clear(index); err != nil && !gone(err) {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		}
	}
	maps.DeleteFunc(a.known, func(index int, _ string) bool { return want[index] == "" })
	for index := range a.known {
		a.known[index] = want[index] // it may have been renamed
	}
	a.publish(problems, repairs)
}

// gone says that the interface went away meanwhile.
func gone(err error) bool { return errors.Is(err, unix.ENODEV) }

// errBehind tells that a stranger's program decides before ours.
var errBehind = errors.New("another program stands in front of the fence and may let packets past it")

// ensure makes an interface have exactly our two programs. It returns how many
// were missing.
func (a *attacher) ensure(index int) (fixed int, err error) {
	behind := false
	for d := range directions {
		found, first, err := a.hook.list(index, d)
		if err != nil {
			return fixed, err
		}
		if !slices.Contains(found, a.ids[d]) {
			if err := a.hook.attach(index, d, a.programs[d]); err != nil {
				return fixed, err
			}
			fixed++
			// The list is stale: a filter's program was exchanged in place.
			if found, first, err = a.hook.list(index, d); err != nil {
				return fixed, err
			}
		}
		behind = behind || !first
		if err := a.removeOthers(a.hook, index, d, found); err != nil {
			return fixed, err
		}
		if err := a.clearOther(index, d); err != nil {
			return fixed, err
		}
	}
	if behind {
		return fixed, errBehind
	}
	return fixed, nil
}

// clearOther removes what an earlier run attached by the other method. That
// happens behind the first sweep's attach, so that nothing is unfenced between.
func (a *attacher) clearOther(index int, d direction) error {
	if _, before := a.known[index]; before || a.other == nil {
		return nil
	}
	found, _, err := a.other.list(index, d)
	if err != nil {
		return err
	}
	return a.removeOthers(a.other, index, d, found)
}

// removeOthers detaches our programs but the current one of the hook in use.
func (a *attacher) removeOthers(h hook, index int, d direction, found []ebpf.ProgramID) error {
	for _, id := range found {
		if h == a.hook && id == a.ids[d] {
			continue
		}
		if err := h.detach(index, d, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// clear detaches every program of ours from an interface.
func (a *attacher) clear(index int) error {
	for _, h := range []hook{a.hook, a.other} {
		if h == nil {
			continue
		}
		for d := range directions {
			found, _, err := h.list(index, d)
			if err != nil {
				return err
			}
			for _, id := range found {
				if err := h.detach(index, d, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
	}
	return nil
}

// detach clears every interface.
func (a *attacher) detach() error {
	want, not, err := a.links()
	if err != nil {
		return err
	}
	maps.Copy(want, not)
	var errs []error
	for index, name := range want {
		if err := a.clear(index); err != nil && !gone(err) {
			errs = append(errs, fmt.Errorf("detach from %s: %w", name, err))
		}
	}
	a.known = make(map[int]string)
	return errors.Join(errs...)
}

// publish makes the outcome of a sweep visible to status.
func (a *attacher) publish(problems []string, repairs uint64) {
	slices.Sort(problems)
	attached := slices.Sorted(maps.Values(a.known))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attached, a.problems = attached, problems
	a.repairs += repairs
}

// leftover finds programs of an earlier run, whatever the method. Some may be
// there that this process may not read: it can but replace them.
func (a *attacher) leftover() (programs []*ebpf.Program, unread int, err error) {
	want, not, err := a.links()
	if err != nil {
		return nil, 0, err
	}
	maps.Copy(want, not)
	seen := make(map[ebpf.ProgramID]bool)
	for index := range want {
		for _, h := range []hook{a.hook, a.other} {
			for d := range directions {
				if h == nil {
					continue
				}
				found, _, err := h.list(index, d)
				if err != nil && !gone(err) {
					return nil, 0, err
				}
				for _, id := range found {
					seen[id] = true
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		p, err := ebpf.NewProgramFromID(id)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, unix.EPERM):
			unread++
		case err != nil:
			closePrograms(programs)
			return nil, 0, fmt.Errorf("open program %d of an earlier run: %w", id, err)
		default:
			programs = append(programs, p)
		}
	}
	return programs, unread, nil
}

func closePrograms(programs []*ebpf.Program) {
	for _, p := range programs {
		_ = p.Close()
	}
}
