// Package overlay builds the VXLAN devices of the configuration, owns them and
// keeps them as they should be, by netlink.
//
// A device floods what it has no entry for to every other node by head-end
// replication (a forwarding entry of the all-zero address for each), and learns
// who is where from what arrives: a gratuitous ARP of the new holder of an
// address moves both the neighbours' ARP entries and their forwarding entries.
// There are no static entries of single stations: the kernel would drop frames
// of a station that has moved away from its static place.
//
// A device is ours where its alias is "stead:" and its name. Ours is changed in
// place, or made anew where the kernel allows no change. A device of somebody
// else that has the name and differs is left alone and named in an error. What a
// third party deletes or changes while Run runs is put right at once and counted.
//
// The devices stay when the daemon stops, so that a restart cuts no traffic. All
// sockets belong to the network namespace in which New is called.
package overlay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/config"
)

// retryEvery is how often an overlay with a problem is tried again without an
// event that would give reason to.
const retryEvery = time.Second

// answerWait bounds the wait for the kernel's answer to a request.
const answerWait = 5 * time.Second

// Options are what New and Reconfigure need.
type Options struct {
	Self     string
	Nodes    []config.Node
	Overlays []config.Overlay
	Log      *slog.Logger // nil: none
}

// Overlays keeps the devices. Its methods may be called from any goroutine.
type Overlays struct {
	log   *slog.Logger
	kick  chan struct{} // something has changed; capacity 1
	watch *watcher

	mu       sync.Mutex
	handle   *netlink.Handle
	requests *requests
	overlays []*overlay
	closed   bool
}

// overlay is one device and what is known of it.
type overlay struct {
	wanted  device
	status  Status
	settled bool // it was as it should be once: what differs now was changed by somebody
}

// State of a device.
type State string

// The states.
const (
	Up      State = "up"      // as it should be
	Broken  State = "broken"  // ours, and not as it should be: see Problem
	Missing State = "missing" // it could not be made: see Problem
	Foreign State = "foreign" // somebody else's device has the name and differs
)

// Status is what there is to tell of an overlay.
type Status struct {
	Name    string
	VNI     uint32
	Port    uint16
	Local   netip.Addr
	State   State
	MTU     int // of the device; 0 where there is none
	Remotes []netip.Addr
	Repairs uint64 // what others had changed and was put right
	Problem string // empty: none
}

// New opens the sockets and works out the devices. It changes nothing: Ensure does.
func New(o Options) (*Overlays, error) {
	devices, err := plan(o)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &Overlays{log: o.Log, kick: make(chan struct{}, 1)}
	if v.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := v.handle.SetSocketTimeout(answerWait); err != nil {
		v.handle.Close()
		return nil, fmt.Errorf("bound the wait for netlink: %w", err)
	}
	if v.requests, err = openRequests(); err != nil {
		v.handle.Close()
		return nil, err
	}
	if v.watch, err = openWatcher(); err != nil {
		v.handle.Close()
		v.requests.close()
		return nil, err
	}
	v.adopt(devices)
	return v, nil
}

// adopt replaces the devices, keeping the counts of those that stay.
func (v *Overlays) adopt(devices []device) {
	was := map[string]*overlay{}
	for _, o := range v.overlays {
		was[o.wanted.name] = o
	}
	v.overlays = nil
	for _, d := range devices {
		o := &overlay{wanted: d, status: Status{
			Name: d.name, VNI: d.vni, Port: d.port, Local: d.local, State: Missing, Remotes: d.remotes,
			Problem: "not made yet",
		}}
		if old := was[d.name]; old != nil {
			o.status.Repairs = old.status.Repairs
		}
		v.overlays = append(v.overlays, o)
	}
}

// Ensure makes every device as it should be and removes those of ours that are
// not in the configuration. It goes on after a failure; the error names all.
func (v *Overlays) Ensure() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return errors.New("overlays: closed")
	}
	errs := []error{v.removeStrays()}
	for _, o := range v.overlays {
		errs = append(errs, v.ensure(o))
	}
	return errors.Join(errs...)
}

// ensure makes one device as it should be and keeps its status.
func (v *Overlays) ensure(o *overlay) error {
	done, state, mtu, err := v.converge(o.wanted)
	o.status.State, o.status.MTU, o.status.Problem = state, mtu, ""
	if o.settled {
		o.status.Repairs += uint64(len(done))
		for _, what := range done {
			v.log.Warn("overlay repaired", "interface", o.wanted.name, "what", what)
		}
	}
	o.settled = o.settled || err == nil
	if err != nil {
		o.status.Problem = err.Error()
		return fmt.Errorf("overlay %q: %w", o.wanted.name, err)
	}
	return nil
}

// Reconfigure takes a changed configuration over and makes it true.
func (v *Overlays) Reconfigure(o Options) error {
	devices, err := plan(o)
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.adopt(devices)
	v.mu.Unlock()
	return v.Ensure()
}

// Run watches and repairs until ctx ends. It is called once, after Ensure.
func (v *Overlays) Run(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		v.watch.read(v.concerns, v.kick)
	}()
	defer func() {
		v.watch.close()
		<-ended
	}()
	watching := ended
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.kick:
		case <-watching:
			v.log.Warn("overlays: changes are not heard of any more, looking every second instead")
			watching = nil
		case <-retry.C:
			if watching != nil && !v.troubled() {
				continue
			}
		}
		// The status tells, and the log has told, what could not be done.
		_ = v.Ensure()
	}
}

// troubled reports whether any device is not as it should be.
func (v *Overlays) troubled() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range v.overlays {
		if o.status.Problem != "" {
			return true
		}
	}
	return false
}

// Status returns the state of all overlays, in the order of the configuration.
func (v *Overlays) Status() []Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]Status, 0, len(v.overlays))
	for _, o := range v.overlays {
		all = append(all, o.status)
	}
	return all
}

// Close closes the sockets. The devices stay.
func (v *Overlays) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.closed = true
	v.handle.Close()
	v.requests.close()
	v.watch.close()
}

// alias marks a device of ours.
func alias(name string) string { return aliasPrefix + name }

const aliasPrefix = "stead:"

// removeStrays removes devices of ours that are in no configuration any more.
func (v *Overlays) removeStrays() error {
	links, err := v.handle.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list interfaces: %w", err)
	}
	known := map[string]bool{}
	for _, o := range v.overlays {
		known[o.wanted.name] = true
	}
	var errs []error
	for _, l := range links {
		a := l.Attrs()
		// A device that somebody renamed keeps its alias, and is ours still.
		if !strings.HasPrefix(a.Alias, aliasPrefix) || l.Type() != "vxlan" || known[a.Name] {
			continue
		}
		if err := v.handle.LinkDel(l); err != nil {
			errs = append(errs, fmt.Errorf("remove %s, which left the configuration: %w", a.Name, err))
			continue
		}
		v.log.Info("removed an overlay that left the configuration", "interface", a.Name)
	}
	return errors.Join(errs...)
}
