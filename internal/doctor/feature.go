package doctor

import (
	"context"
	"fmt"
	"strings"

	"stead/internal/config"
)

// Features is what the kernel was seen to do in a network namespace that was thrown away.
type Features struct {
	Untried  error // nothing could be tried
	Fence    error // why there is no fence of the kernel
	FenceHow string
	VXLAN    error
	VXLAN6   error
	Protocol error // why an address cannot carry the number of who added it
}

var (
	noVXLAN = &Problem{"no-vxlan", Fatal, "the kernel makes no VXLAN device",
		"the overlay cannot be built: clients do not reach the address over it", "modprobe vxlan"}
	noMark = &Problem{"no-address-mark", Hint, "the kernel does not note who added an address",
		"leftovers of an earlier run are known by their label instead (IPv4), and IPv6 ones not at all", "use Linux 5.18 or later"}
	noFence = &Problem{"no-kernel-fence", Warning, "no fence in the kernel",
		"when the daemon is frozen or its whole group killed, this host may go on answering after another has taken over", "mend what was seen; then systemctl restart stead"}
	fenceOff = &Problem{"fence-off", Warning, "the fence is switched off",
		"a daemon that is killed or frozen leaves a host that goes on answering: two holders until it is restarted", "set `fence: auto` in {file}; stead reload"}
	fenceDegraded = &Problem{"fence-degraded", Warning, "the fence in force has problems",
		"on some interfaces this host may answer after its lease has ended", "mend what was seen; then systemctl restart stead"}
)

var features = Check{
	Name:     "kernel",
	Problems: []*Problem{noVXLAN, noMark},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.self() == nil {
			return nil
		}
		f := e.features()
		release, _ := e.word("/proc/sys/kernel/osrelease")
		if f.Untried != nil {
			return []Finding{unchecked("kernel features (Linux "+release+")", f.Untried.Error())}
		}
		var out []Finding
		for _, o := range e.Config.Overlays {
			failed := f.VXLAN
			if e.self().Addresses[0].Is6() {
				failed = f.VXLAN6
			}
			if failed != nil {
				out = append(out, noVXLAN.at(o.Name, fmt.Sprintf("Linux %s: %v", release, failed)))
			}
		}
		if f.Protocol != nil && len(e.vips()) > 0 {
			out = append(out, noMark.at("", fmt.Sprintf("Linux %s: %v", release, f.Protocol)))
		}
		if len(out) == 0 {
			out = append(out, fine("", "Linux "+release+" has what is needed"))
		}
		return out
	},
}

// features asks once.
func (e *Env) features() Features {
	if e.tried == nil {
		f := e.Features()
		e.tried = &f
	}
	return *e.tried
}

var fenceKind = Check{
	Name:     "fence",
	Problems: []*Problem{noFence, fenceOff, fenceDegraded},
	Run: func(_ context.Context, e *Env) []Finding {
		switch {
		case len(e.vips()) == 0:
			return nil
		case e.Config.Fence == config.FenceNone:
			return []Finding{fenceOff.at("", "fence: none", "file", e.File)}
		case e.Status != nil:
			return []Finding{fenceOf(e)}
		case e.Config.Fence == config.FenceGuard:
			return []Finding{noFence.at("", "the configuration asks for the guard").as(Hint)}
		}
		f := e.features()
		switch {
		case f.Untried != nil:
			return []Finding{unchecked("the fence that would be in force", f.Untried.Error())}
		case f.Fence != nil && e.Config.Fence == config.FenceKernel:
			return []Finding{noFence.at("", oneLine(f.Fence)+"; with `fence: kernel` the daemon does not start").as(Fatal)}
		case f.Fence != nil:
			return []Finding{noFence.at("", oneLine(f.Fence)+"; the guard would be in force")}
		}
		return []Finding{fine("", f.FenceHow)}
	},
}

// fenceOf judges the fence of the running daemon.
func fenceOf(e *Env) Finding {
	f := e.Status.Fence
	seen := "in force: " + f.Kind
	if f.Detail != "" {
		seen += ": " + strings.TrimPrefix(f.Detail, "; ")
	}
	switch {
	case f.Kind != "kernel" && e.Config.Fence == config.FenceGuard && f.Kind == "guard":
		return noFence.at("", seen).as(Hint)
	case f.Kind != "kernel":
		return noFence.at("", seen)
	case f.Detail != "":
		return fenceDegraded.at("", seen)
	}
	return fine("", seen)
}
