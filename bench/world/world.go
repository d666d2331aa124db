// Package world gives the benchmarks a network of three hosts on one switch, made
// of network namespaces, and the means to break it:
//
//	primary 10.0.1.10 ── eth0 ─┐
//	secondary 10.0.1.20 ─ eth0 ─┼─ switch
//	client 10.0.1.4 ──── eth0 ─┘
//
// Everything lives in a process namespace of its own (see Isolate): when the
// benchmark ends, for whatever reason, the kernel takes all of it away.
package world

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// The hosts.
const (
	Primary   = "primary"
	Secondary = "secondary"
	Client    = "client"
)

// Hosts are the hosts with their addresses on the switch.
var Hosts = []struct{ Name, Address string }{
	{Primary, "10.0.1.10/24"}, {Secondary, "10.0.1.20/24"}, {Client, "10.0.1.4/24"},
}

// World is the hosts, the switch between them, and the programs that run there.
type World struct {
	Dir     string // for files of the programs
	Checked bool   // pairs that have a health check run it
	hosts   map[string]*space
	hub     *space
	mu      sync.Mutex
	groups  map[string]*exec.Cmd // the leader of each group, by host
}

// space is a network namespace.
type space struct {
	ns   netns.NsHandle
	link *netlink.Handle
}

// New makes the hosts and the switch.
func New() (*World, error) {
	dir, err := os.MkdirTemp("/run", "bench-")
	if err != nil {
		return nil, err
	}
	w := &World{Dir: dir, hosts: map[string]*space{}, groups: map[string]*exec.Cmd{}}
	if err := w.build(); err != nil {
		w.Close()
		return nil, fmt.Errorf("build the network: %w", err)
	}
	return w, nil
}

func (w *World) build() (err error) {
	if w.hub, err = newSpace(); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "switch"
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := errors.Join(w.hub.link.LinkAdd(bridge), w.hub.link.LinkSetUp(bridge)); err != nil {
		return err
	}
	for _, host := range Hosts {
		if err := w.addHost(host.Name, host.Address); err != nil {
			return fmt.Errorf("%s: %w", host.Name, err)
		}
	}
	return nil
}

func (w *World) addHost(name, address string) error {
	host, err := newSpace()
	if err != nil {
		return err
	}
	w.hosts[name] = host
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(host.ns))}
	if err := w.hub.link.LinkAdd(cable); err != nil {
		return err
	}
	eth0, err := host.link.LinkByName("eth0")
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	return errors.Join(host.link.AddrAdd(eth0, addr), host.link.LinkSetUp(eth0), w.Mend(name))
}

func newSpace() (*space, error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		return nil, err
	}
	defer home.Close()
	made, err := netns.New()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("make a network namespace: %w (needs CAP_SYS_ADMIN)", err)
	}
	if err := netns.Set(home); err != nil {
		return nil, err // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	s := &space{ns: made}
	if s.link, err = netlink.NewHandleAt(made); err != nil {
		return nil, err
	}
	lo, err := s.link.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	return s, s.link.LinkSetUp(lo)
}

// In runs f on a thread that is in the host's network. Sockets that f opens and
// programs that it starts belong to that host.
func (w *World) In(host string, f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and ends with the goroutine
		if err := netns.Set(w.hosts[host].ns); err != nil {
			result <- fmt.Errorf("enter the network of %s: %w", host, err)
			return
		}
		result <- f()
	}()
	return <-result
}

// Start runs a program on a host, in a process group of its own. What it writes
// goes to a file in Dir.
func (w *World) Start(host, program string, args ...string) error {
	log, err := os.OpenFile(w.Dir+"/"+host+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := w.In(host, cmd.Start); err != nil {
		return fmt.Errorf("start %s on %s: %w", program, host, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups[host] = cmd
	return nil
}

// Signal sends a signal to the program of a host, or with whole to its whole group.
func (w *World) Signal(host string, signal syscall.Signal, whole bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	cmd := w.groups[host]
	if cmd == nil {
		return fmt.Errorf("nothing runs on %s", host)
	}
	pid := cmd.Process.Pid
	if whole {
		pid = -pid
	}
	return syscall.Kill(pid, signal)
}

// PID is the process of a host's program.
func (w *World) PID(host string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.groups[host].Process.Pid
}

// Log is what a host's program wrote.
func (w *World) Log(host string) string {
	text, _ := os.ReadFile(w.Dir + "/" + host + ".log")
	return string(text)
}

// Close ends the programs and takes the network down.
func (w *World) Close() {
	w.mu.Lock()
	for _, cmd := range w.groups {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}
	w.mu.Unlock()
	for _, s := range w.hosts {
		s.close()
	}
	if w.hub != nil {
		w.hub.close()
	}
	_ = os.RemoveAll(w.Dir)
}

func (s *space) close() {
	if s.link != nil {
		s.link.Close()
	}
	_ = s.ns.Close()
}
