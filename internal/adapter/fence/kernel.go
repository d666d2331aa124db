package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// kernel is the fence of eBPF programs.
type kernel struct {
	method  AttachMethod
	adopted bool
	lock    int // the socket that keeps a second daemon out
	maps    *mapSet
	table   *slotTable // of maps
	attach  *attacher
	watcher *watcher

	mu    sync.Mutex // guards bound; the hot path does not take it
	bound map[netip.Addr]bool
}

// checkEvery is how often the attachments are verified where Options say nothing.
const checkEvery = time.Second

// openKernel takes over what an earlier run left, closes it, and attaches.
func openKernel(opts Options) (_ *kernel, err error) {
	runtime.LockOSThread() // interfaces are those of this thread's network namespace
	defer runtime.UnlockOSThread()

	k := &kernel{lock: -1, bound: make(map[netip.Addr]bool)}
	defer func() {
		if err != nil {
			k.release()
		}
	}()
	if k.lock, err = lockNamespace(); err != nil {
		return nil, err
	}
	// Before Linux 5.11 maps count as locked memory; where that matters and the
	// limit cannot be raised, the maps cannot be made, and that is the error to show.
	_ = rlimit.RemoveMemlock()
	if k.attach, k.method, err = newAttacher(opts.Attach); err != nil {
		return nil, err
	}
	if err = k.adopt(); err != nil {
		return nil, err
	}
	if err = k.load(); err != nil {
		return nil, err
	}
	k.attach.sweep()
	if problems := k.attach.problems; len(k.attach.attached) == 0 && len(problems) > 0 {
		return nil, errors.New(problems[0])
	}
	every := opts.CheckEvery
	if every <= 0 {
		every = checkEvery
	}
	if k.watcher, err = watch(k.attach, every); err != nil {
		return nil, err
	}
	return k, nil
}

// newAttacher picks the method. To look at a program by its number, which is all
// that tcx tells of it, takes CAP_SYS_ADMIN: a filter is found by its name, and
// exchanged, without.
func newAttacher(method AttachMethod) (*attacher, AttachMethod, error) {
	tcxErr := haveTCX()
	if tcxErr == nil && !mayOpenPrograms() {
		tcxErr = fmt.Errorf("attach by tcx: needs CAP_SYS_ADMIN: %w", unix.EPERM)
	}
	if method == AttachBest {
		method = AttachTCX
		if tcxErr != nil {
			method = AttachFilter
		}
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, method, fmt.Errorf("open netlink: %w", err)
	}
	a := &attacher{netlink: handle, known: make(map[int]string)}
	switch method {
	case AttachTCX:
		err = tcxErr
		a.hook, a.other = tcx{}, filter{handle}
	case AttachFilter:
		a.hook = filter{handle}
		if tcxErr == nil {
			a.other = tcx{}
		}
	default:
		err = fmt.Errorf("attach method %q is not one of tcx, clsact", method)
	}
	if err != nil {
		handle.Close()
		return nil, method, err
	}
	return a, method, nil
}

// adopt closes what an earlier run left, and goes on with its maps where they
// are of this version. Its addresses stay bound, under slot 0.
func (k *kernel) adopt() error {
	programs, unread, err := k.attach.leftover()
	if err != nil {
		return err
	}
	defer closePrograms(programs)
	k.adopted = len(programs)+unread > 0
	for _, p := range programs {
		found, err := mapsOf(p)
		if err != nil {
			return fmt.Errorf("read the maps of an earlier run: %w", err)
		}
		if err := k.takeOver(found); err != nil {
			return err
		}
	}
	if k.maps == nil {
		if k.maps, err = newMapSet(); err != nil {
			return err
		}
	}
	k.table = k.maps.table()
	for addr := range k.bound {
		if err := k.maps.bind(addr, 0); err != nil {
			return fmt.Errorf("close %s of an earlier run: %w", addr, err)
		}
	}
	return nil
}

// takeOver closes every slot of an earlier run and notes its addresses. The first
// maps of this version become ours. Programs of another version go on until
// ours are in front of them.
func (k *kernel) takeOver(found map[string]*ebpf.Map) error {
	addrs, err := boundIn(found[addressesMap])
	if err != nil {
		closeMaps(found)
		return fmt.Errorf("read the addresses of an earlier run: %w", err)
	}
	for _, addr := range addrs {
		k.bound[addr] = true
	}
	if !thisVersion(found) {
		closeMaps(found)
		return nil
	}
	set, err := mapSetOf(found)
	if err != nil {
		return err
	}
	set.table().close()
	if k.maps == nil {
		k.maps = set
		return nil
	}
	set.close()
	return nil
}

// load brings the programs into the kernel.
func (k *kernel) load() error {
	maps := k.maps.descriptors()
	for d, spec := range []*ebpf.ProgramSpec{ingressProgram(maps), egressProgram(maps)} {
		p, err := ebpf.NewProgram(spec)
		if err != nil {
			return fmt.Errorf("load program %s: %w", spec.Name, err)
		}
		k.attach.programs[d] = p
		info, err := p.Info()
		if err != nil {
			return fmt.Errorf("read program %s: %w", spec.Name, err)
		}
		id, ok := info.ID()
		if !ok {
			return fmt.Errorf("program %s has no id (needs Linux 4.13)", spec.Name)
		}
		k.attach.ids[d] = id
	}
	return nil
}

func (k *kernel) Kind() string { return KindKernel }

func (k *kernel) Slot(s core.FenceSlot) error {
	if s.Slot <= 0 || s.Slot >= core.FenceSlots {
		return errSlot
	}
	k.table.move(s)
	return nil
}

func (k *kernel) Bind(addr Address, slot int) error {
	if err := checkBind(addr, slot); err != nil {
		return err
	}
	ip := addr.Prefix.Addr().Unmap()
	if err := k.maps.bind(ip, slot); err != nil {
		return fmt.Errorf("bind %s to slot %d: %w", ip, slot, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bound[ip] = true
	return nil
}

func (k *kernel) Unbind(addr netip.Addr) error {
	addr = addr.Unmap()
	if err := k.maps.addresses.Delete(addr.As16()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("unbind %s: %w", addr, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.bound, addr)
	return nil
}

func (k *kernel) Bound() []netip.Addr {
	k.mu.Lock()
	defer k.mu.Unlock()
	return sortedAddrs(k.bound)
}

// sortedAddrs are the keys in order.
func sortedAddrs[V any](set map[netip.Addr]V) []netip.Addr {
	addrs := make([]netip.Addr, 0, len(set))
	for addr := range set {
		addrs = append(addrs, addr)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

func (k *kernel) Status() Status {
	s := Status{
		Kind:    KindKernel,
		Detail:  fmt.Sprintf("eBPF programs attached by %s", k.method),
		Bound:   len(k.Bound()),
		Adopted: k.adopted,
	}
	dropped, err := k.maps.counters()
	s.Dropped = dropped
	k.attach.mu.Lock()
	defer k.attach.mu.Unlock()
	s.Attached = slices.Clone(k.attach.attached)
	s.Problems = slices.Clone(k.attach.problems)
	s.Repairs.Attachments = k.attach.repairs
	if err != nil {
		s.Problems = append(s.Problems, err.Error())
	}
	return s
}

func (k *kernel) Close() error {
	err := k.watcher.stop(len(k.Bound()) == 0)
	k.release()
	return err
}

// release gives up what this process holds, but for the memory of the slots: a
// renewal after Close does nothing, and must not be fatal. What is attached stays.
func (k *kernel) release() {
	if k.attach != nil {
		for _, p := range k.attach.programs {
			if p != nil {
				_ = p.Close()
			}
		}
		k.attach.netlink.Close()
	}
	if k.maps != nil {
		k.maps.closeFiles()
	}
	if k.lock >= 0 {
		_ = unix.Close(k.lock)
	}
}
