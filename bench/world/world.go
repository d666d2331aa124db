// Package world gives the benchmarks a network of three hosts on one switch, made
// of network namespaces, and the means to break it:
//
//	primary 10.0.1.10 ── eth0 ─┐
//	secondary 10.0.1.20 ─ eth0 ─┼─ switch
//	client 10.0.1.4 ──── eth0 ─┘
//
// or, with NewRouted, of two servers, two route servers and a client whose
// packets to 10.1.0.5 go through the route servers, flow by flow through one of
// them, and come back directly:
//
//	primary 10.0.1.10, secondary 10.0.1.20, rs1 10.0.1.2, rs2 10.0.1.3, client 10.0.1.4
//
// Everything lives in a process namespace of its own (see Isolate): when the
// benchmark ends, for whatever reason, the kernel takes all of it away.
package world

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

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
var Hosts = []HostSpec{
	{Primary, "10.0.1.10/24"}, {Secondary, "10.0.1.20/24"}, {Client, "10.0.1.4/24"},
}

// HostSpec names a host and its address on the switch.
type HostSpec struct{ Name, Address string }

// World is the hosts, the switch between them, and the programs that run there.
type World struct {
	Dir     string // for files of the programs
	Checked bool   // pairs that have a health check run it
	hosts   map[string]*space
	hub     *space
	mu      sync.Mutex
	groups  map[string][]*exec.Cmd // the leader of each group, by host
}

// space is a network namespace.
type space struct {
	ns   netns.NsHandle
	link *netlink.Handle
}

// New makes the hosts and the switch.
func New() (*World, error) { return newWorld(Hosts) }

func newWorld(hosts []HostSpec) (*World, error) {
	dir, err := os.MkdirTemp("/run", "bench-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // some programs run as another user
		return nil, err
	}
	w := &World{Dir: dir, hosts: map[string]*space{}, groups: map[string][]*exec.Cmd{}}
	if err := w.build(hosts); err != nil {
		w.Close()
		return nil, fmt.Errorf("build the network: %w", err)
	}
	return w, nil
}

func (w *World) build(hosts []HostSpec) (err error) {
	if w.hub, err = newSpace(); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "switch"
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := errors.Join(w.hub.link.LinkAdd(bridge), w.hub.link.LinkSetUp(bridge)); err != nil {
		return err
	}
	for _, host := range hosts {
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
	w.groups[host] = append(w.groups[host], cmd)
	return nil
}

// Signal sends a signal to the programs of a host, or with whole to their whole
// groups. Those that have ended are forgotten by Ended alone.
func (w *World) Signal(host string, signal syscall.Signal, whole bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.groups[host]) == 0 {
		return fmt.Errorf("nothing runs on %s", host)
	}
	var failed error
	for _, cmd := range w.groups[host] {
		pid := cmd.Process.Pid
		if whole {
			pid = -pid
		}
		failed = errors.Join(failed, syscall.Kill(pid, signal))
	}
	return failed
}

// ending is how long a program that was asked to end may take.
const ending = 10 * time.Second

// Ended waits for the programs of a host, which were asked to end, and kills
// what they leave.
func (w *World) Ended(host string) {
	w.mu.Lock()
	list := w.groups[host]
	delete(w.groups, host)
	w.mu.Unlock()
	for _, cmd := range list {
		late := time.AfterFunc(ending, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
	}
	for _, pid := range w.Processes(host) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Processes are those in the network of a host.
func (w *World) Processes(host string) (pids []int) {
	var at syscall.Stat_t
	if syscall.Fstat(int(w.hosts[host].ns), &at) != nil {
		return nil
	}
	names, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, name := range names {
		var of syscall.Stat_t
		if syscall.Stat(name, &of) == nil && of.Ino == at.Ino && of.Dev == at.Dev {
			pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// Log is what a host's program wrote.
func (w *World) Log(host string) string {
	text, _ := os.ReadFile(w.Dir + "/" + host + ".log")
	return string(text)
}

// Close ends the programs and takes the network down.
func (w *World) Close() {
	for host := range w.hosts {
		_ = w.Signal(host, syscall.SIGKILL, true) // nothing may run there
		w.Ended(host)
	}
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
