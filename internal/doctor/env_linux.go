package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/report/api"
	"stead/internal/report/build"
)

// Options say what is looked at.
type Options struct {
	File      string
	Config    *config.Config // nil where the file is not valid
	ConfigErr error          // why it is not, or why no node was found
	KeyErr    error
	Socket    string
	Now       func() core.Instant
}

// patience with a daemon that does not answer.
const patience = 2 * time.Second

// Look makes the Env of this host and asks the daemon, if one runs.
func Look(ctx context.Context, o Options) *Env {
	e := &Env{
		File: o.File, Config: o.Config, ConfigErr: o.ConfigErr, KeyErr: o.KeyErr, Socket: o.Socket,
		Version: build.Get().Version, Now: o.Now,
		ReadFile: readFile, ReadLink: os.Readlink, Stat: os.Stat, ReadDir: readDir, Space: space,
		User: findUser, Links: links, Neighbours: neighbours, Features: tryKernel, Realtime: tryRealtime, Firewall: nftRules,
		Route: routeTo, Call: call,
		Lateness: func(s Sample) ([]time.Duration, error) { return sampleLateness(o.Now, s) },
		Ask: func(ctx context.Context, l *Link, addrs []netip.Addr, wait time.Duration) (map[netip.Addr][]MAC, error) {
			return ask(ctx, o.Now, l, addrs, wait)
		},
		Beats: readBeats,
		Store: func(ctx context.Context, s *config.Store, write bool) (StoreTrial, error) {
			return tryStore(ctx, o.Now, s, o.Config.Self, write)
		},
		PathMTU: func(ctx context.Context, paths []Path) []PathMTU { return measurePaths(ctx, o.Now, paths) },
	}
	e.Greet = func(ctx context.Context, p Path) (Greeting, error) {
		return greet(ctx, o.Now, o.Config.Security.Keys, o.Config.Self, p)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e.PID = listener(o.Socket)
	status, err := api.NewClient(o.Socket).Status(ctx)
	if err != nil {
		e.StatusErr = err
		return e
	}
	e.Status = &status
	return e
}

// listener is the process that opened the socket; 0 where it is not seen from here.
func listener(path string) int {
	conn, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// fileLimit in bytes bounds what is read of a file.
const fileLimit = 4 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, fileLimit))
}

// findUser does as the daemon does: a name, or a number.
func findUser(name string) error {
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	_, err := user.LookupId(name)
	return err
}

func readDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// space tells how much is free in a directory that this process may write to.
func space(dir string) (uint64, error) {
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}

// links reads the interfaces of the calling thread's network namespace.
func links() ([]Link, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	all, err := handle.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var out []Link
	for _, l := range all {
		a := l.Attrs()
		link := Link{
			Index: a.Index, Name: a.Name, Kind: l.Type(), MTU: a.MTU, Up: a.Flags&net.FlagUp != 0,
			Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0, Loopback: a.Flags&net.FlagLoopback != 0, NoARP: a.RawFlags&unix.IFF_NOARP != 0,
			NoMulticast: a.RawFlags&unix.IFF_MULTICAST == 0,
		}
		copy(link.MAC[:], a.HardwareAddr)
		addrs, err := handle.AddrList(l, netlink.FAMILY_ALL)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return nil, fmt.Errorf("list addresses of %s: %w", a.Name, err)
		}
		for _, at := range addrs {
			ones, _ := at.Mask.Size()
			if ip, ok := netip.AddrFromSlice(at.IP); ok {
				link.Addrs = append(link.Addrs, netip.PrefixFrom(ip.Unmap(), ones))
			}
		}
		out = append(out, link)
	}
	return out, nil
}

func neighbours() ([]Neighbour, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	all, err := handle.NeighList(0, netlink.FAMILY_ALL)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	var out []Neighbour
	for _, n := range all {
		ip, ok := netip.AddrFromSlice(n.IP)
		if !ok || len(n.HardwareAddr) != 6 || n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) != 0 {
			continue
		}
		out = append(out, Neighbour{n.LinkIndex, ip.Unmap(), MAC(n.HardwareAddr)})
	}
	return out, nil
}

// nftRules asks nft, where it is installed.
func nftRules(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nft", "list", "ruleset").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("nft is not installed")
	}
	if err != nil {
		return "", fmt.Errorf("nft list ruleset: %w (needs CAP_NET_ADMIN)", err)
	}
	return string(out), nil
}
