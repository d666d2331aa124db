package fence

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AttachMethod is how the kernel fence's programs hang on an interface.
type AttachMethod string

// The methods. AttachBest is tcx from Linux 6.6, and a filter before.
const (
	AttachBest   AttachMethod = ""
	AttachTCX    AttachMethod = "tcx"    // BPF_PROG_ATTACH, in front of every other program
	AttachFilter AttachMethod = "clsact" // a direct-action filter of the clsact qdisc
)

// direction is which way a program looks at packets.
type direction int

const (
	ingress direction = iota
	egress
	directions
)

// programName is the name of our program in a direction.
var programName = [directions]string{ingress: ingressName, egress: egressName}

// hook is a place in the kernel where a program sees an interface's packets.
// Programs stay in it when the process that attached them is gone.
type hook interface {
	// list finds our programs on an interface by their names. first says that
	// nothing stands in front of the first of them.
	list(index int, d direction) (found []ebpf.ProgramID, first bool, err error)
	attach(index int, d direction, p *ebpf.Program) error
	detach(index int, d direction, id ebpf.ProgramID) error
}

// tcx is the hook from Linux 6.6.
type tcx struct{}

var tcxType = [directions]ebpf.AttachType{ingress: ebpf.AttachTCXIngress, egress: ebpf.AttachTCXEgress}

// haveTCX asks the loopback, which has index 1 in every network namespace.
func haveTCX() error {
	_, _, err := tcx{}.list(1, ingress)
	return err
}

func (tcx) list(index int, d direction) ([]ebpf.ProgramID, bool, error) {
	result, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: tcxType[d]})
	if err != nil {
		return nil, false, fmt.Errorf("query tcx programs: %w", err)
	}
	var found []ebpf.ProgramID
	first := false
	for i, p := range result.Programs {
		if _, linked := p.LinkID(); linked {
			continue // ours are attached without a link
		}
		name, err := nameOf(p.ID)
		if errors.Is(err, fs.ErrNotExist) {
			continue // went away meanwhile
		}
		if err != nil {
			return nil, false, err
		}
		if name == programName[d] {
			first = first || i == 0
			found = append(found, p.ID)
		}
	}
	return found, first, nil
}

func (tcx) attach(index int, d direction, p *ebpf.Program) error {
	return link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: index, Program: p, Attach: tcxType[d], Anchor: link.Head(),
	})
}

func (tcx) detach(index int, d direction, id ebpf.ProgramID) error {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return fmt.Errorf("open program %d: %w", id, err)
	}
	defer p.Close()
	return link.RawDetachProgram(link.RawDetachProgramOptions{Target: index, Program: p, Attach: tcxType[d]})
}

// nameOf is the name of a program in the kernel.
func nameOf(id ebpf.ProgramID) (string, error) {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return "", fmt.Errorf("open program %d: %w", id, err)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return "", fmt.Errorf("read program %d: %w", id, err)
	}
	return info.Name, nil
}

// filter is the hook before Linux 6.6.
type filter struct{ netlink *netlink.Handle }

var filterParent = [directions]uint32{ingress: netlink.HANDLE_MIN_INGRESS, egress: netlink.HANDLE_MIN_EGRESS}

// filterHandle tells our filter from others of the same preference.
const filterHandle = 0x57ead

// filterPreference puts our filter in front, filterPreferences is how many places
// are tried where another kind of filter has taken the first.
const (
	filterPreference  = 1
	filterPreferences = 8
)

func (f filter) list(index int, d direction) ([]ebpf.ProgramID, bool, error) {
	ours, first, err := f.filters(index, d)
	var found []ebpf.ProgramID
	for _, bpf := range ours {
		found = append(found, ebpf.ProgramID(bpf.Id))
	}
	return found, first, err
}

func (f filter) filters(index int, d direction) (ours []*netlink.BpfFilter, first bool, err error) {
	all, err := f.netlink.FilterList(byIndex(index), filterParent[d])
	if err != nil {
		// Without the qdisc there are no filters to list.
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("list filters: %w", err)
	}
	ahead := 0
	for _, each := range all {
		bpf, ok := each.(*netlink.BpfFilter)
		if ok && bpf.Name == programName[d] && bpf.Id != 0 {
			first = first || ahead == 0
			ours = append(ours, bpf)
			continue
		}
		ahead++
	}
	return ours, first, nil
}

// attach puts the program into our filter. Where the filter is there already, the
// kernel exchanges its program in one step.
func (f filter) attach(index int, d direction, p *ebpf.Program) error {
	if err := f.qdisc(index); err != nil {
		return err
	}
	var err error
	for preference := uint16(filterPreference); preference < filterPreference+filterPreferences; preference++ {
		err = f.netlink.FilterReplace(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: index, Parent: filterParent[d], Handle: filterHandle,
				Protocol: unix.ETH_P_ALL, Priority: preference,
			},
			Fd: p.FD(), Name: programName[d], DirectAction: true,
		})
		// A stranger's filter of another protocol or kind has this preference.
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EEXIST) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("add a clsact filter: %w", err)
	}
	return nil
}

// qdisc makes sure that the interface can have filters.
func (f filter) qdisc(index int) error {
	err := f.netlink.QdiscAdd(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add the clsact qdisc: %w", err)
	}
	return nil
}

func (f filter) detach(index int, d direction, id ebpf.ProgramID) error {
	ours, _, err := f.filters(index, d)
	if err != nil {
		return err
	}
	for _, bpf := range ours {
		if ebpf.ProgramID(bpf.Id) != id {
			continue
		}
		if err := f.netlink.FilterDel(bpf); err != nil {
			return fmt.Errorf("remove a clsact filter: %w", err)
		}
	}
	return nil
}

// byIndex is a link of which nothing but the index is known.
func byIndex(index int) netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}
}
