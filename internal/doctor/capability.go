package doctor

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"stead/internal/config"
)

var (
	capNetAdmin = &Problem{"no-cap-net-admin", Fatal, "CAP_NET_ADMIN is missing",
		"no address can be added or removed and no overlay be built: this node cannot take over", giveCapability}
	capNetRaw = &Problem{"no-cap-net-raw", Fatal, "CAP_NET_RAW is missing",
		"no gratuitous ARP and no neighbour advertisement can be sent: clients stay with the old node until their caches expire; and a daemon with a virtual router does not start", giveCapability}
	capBPF = &Problem{"no-cap-bpf", Warning, "CAP_BPF is missing",
		"no fence in the kernel: when the daemon is frozen, only a guard process takes the address away", giveCapability}
	capBind = &Problem{"no-cap-net-bind-service", Fatal, "CAP_NET_BIND_SERVICE is missing",
		"the port where BGP peers connect cannot be had: a session with a peer that connects by itself is never established", giveCapability}
	capLock = &Problem{"no-cap-ipc-lock", Hint, "CAP_IPC_LOCK is missing, and RLIMIT_MEMLOCK is limited",
		"pages of the daemon may be swapped out, and a heartbeat wait for a disk", giveCapability + "; or LimitMEMLOCK=infinity"}
	capUser = &Problem{"no-cap-setuid", Warning, "CAP_SETUID, CAP_SETGID or CAP_KILL is missing",
		"checks and hooks that name a user cannot be run, or not be ended", giveCapability}
)

const giveCapability = "systemctl edit stead, and let {capability} stand in CapabilityBoundingSet= (and in AmbientCapabilities= where User= is not root); or run stead as root"

var capabilities = Check{
	Name:     "capabilities",
	Problems: []*Problem{capNetAdmin, capNetRaw, capBPF, capBind, capLock, capUser},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.self() == nil {
			return nil
		}
		if why := e.hidden(); why != "" {
			return []Finding{unchecked("capabilities", why)}
		}
		text, err := e.ReadFile(e.proc("status"))
		if err != nil {
			return []Finding{unchecked("capabilities", err.Error())}
		}
		set, err := effective(text)
		if err != nil {
			return []Finding{unchecked("capabilities", err.Error())}
		}
		out := e.missing(set)
		if len(out) == 0 {
			out = append(out, fine("", e.who()+" has what it needs"))
		}
		return out
	},
}

// missing lists the capabilities that this node's part needs and that set has not.
func (e *Env) missing(set uint64) (out []Finding) {
	has := func(bit uint) bool { return set&(1<<bit) != 0 }
	lack := func(p *Problem, names ...string) Finding {
		return p.at("", fmt.Sprintf("effective capabilities of %s: %#x", e.who(), set), "capability", strings.Join(names, " "))
	}
	holds := len(e.vips()) > 0
	if (holds || len(e.Config.Overlays) > 0) && !has(unix.CAP_NET_ADMIN) {
		out = append(out, lack(capNetAdmin, "CAP_NET_ADMIN"))
	}
	if holds && !has(unix.CAP_NET_RAW) {
		out = append(out, lack(capNetRaw, "CAP_NET_RAW"))
	}
	if wanted := e.Config.Fence; holds && wanted != config.FenceNone && wanted != config.FenceGuard && !has(unix.CAP_BPF) && !has(unix.CAP_SYS_ADMIN) {
		f := lack(capBPF, "CAP_BPF")
		if wanted == config.FenceKernel {
			f = f.as(Fatal)
		}
		out = append(out, f)
	}
	if len(e.bgpPeers()) > 0 && e.Config.BGP.Port > 0 && e.Config.BGP.Port < firstFreePort && !has(unix.CAP_NET_BIND_SERVICE) {
		out = append(out, lack(capBind, "CAP_NET_BIND_SERVICE"))
	}
	limits, _ := e.ReadFile(e.proc("limits"))
	// A running daemon has tried real-time priority and locked memory: see realtime.
	if e.Status == nil && e.Config.Realtime.Mode != "off" && !has(unix.CAP_IPC_LOCK) && limit(limits, "Max locked memory") < enoughLocked {
		out = append(out, lack(capLock, "CAP_IPC_LOCK"))
	}
	if e.namesUser() && !(has(unix.CAP_SETUID) && has(unix.CAP_SETGID) && has(unix.CAP_KILL)) {
		out = append(out, lack(capUser, "CAP_SETUID", "CAP_SETGID", "CAP_KILL"))
	}
	return out
}

// firstFreePort is the least that every process may take (ip_unprivileged_port_start).
const firstFreePort = 1024

// enoughLocked is more memory in bytes than a daemon touches.
const enoughLocked = 256 << 20

// namesUser tells whether a check or a hook of this node runs as another user.
func (e *Env) namesUser() bool {
	for _, p := range e.runs() {
		if p.user != "" && p.user != "root" {
			return true
		}
	}
	return false
}

// effective reads the effective capabilities from /proc/PID/status (proc_pid_status(5)).
func effective(status []byte) (uint64, error) {
	for s := bufio.NewScanner(bytes.NewReader(status)); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return 0, fmt.Errorf("no CapEff in its status")
}

// limit reads a soft limit from /proc/PID/limits (proc_pid_limits(5)); 0 where it is not there.
func limit(limits []byte, name string) uint64 {
	for s := bufio.NewScanner(bytes.NewReader(limits)); s.Scan(); {
		rest, ok := strings.CutPrefix(s.Text(), name)
		fields := strings.Fields(rest)
		if !ok || len(fields) == 0 {
			continue
		}
		if fields[0] == "unlimited" {
			return 1<<64 - 1
		}
		n, _ := strconv.ParseUint(fields[0], 10, 64)
		return n
	}
	return 0
}
