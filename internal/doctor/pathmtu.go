package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// PathMTU is what was measured on a path, with packets that may not be fragmented.
type PathMTU struct {
	Path
	Passed  int    // bytes of the largest IP packet that was answered; 0: none was
	Lost    int    // bytes of the smallest one that was not; 0: none
	Problem string // why it was not measured
}

var (
	blackHole = &Problem{"path-mtu-small", Warning, "the path carries less than the MTU of the overlay promises",
		"large packets are sent in fragments or vanish, while small ones pass: connections to the service address open and then hang, on this node or after a takeover",
		"set `mtu` of the overlay to {mtu} or less in {file} on every node, or raise the MTU on the way to {node}"}
	smallPath = &Problem{"path-mtu-heartbeats", Fatal, "the path drops packets of the size of full heartbeats",
		"what a node says of its groups does not arrive, although it is heard: a takeover may not happen", "raise the MTU on the way to {node} to 1280 or more"}
)

// leastMTU is what every path has to carry: the least that IPv6 asks of a link.
// The largest heartbeat fits.
const leastMTU = 1280

var pathMTU = Check{
	Name:     "path-mtu",
	Problems: []*Problem{blackHole, smallPath},
	Run: func(ctx context.Context, e *Env) []Finding {
		paths := e.tunnels()
		if len(paths) == 0 {
			return nil
		}
		var out []Finding
		for _, m := range e.PathMTU(ctx, paths) {
			out = append(out, e.judgePath(&m))
		}
		return out
	},
}

// tunnels are the paths of heartbeats and those to the other ends of tunnels, with
// the sizes that they have to carry. Overlays use the first address of each node.
func (e *Env) tunnels() []Path {
	out := e.paths()
	self := e.self()
	if self == nil {
		return nil
	}
	to := func(node string, a netip.Addr) Path {
		return Path{Node: node, Local: netip.AddrPortFrom(self.Addresses[0], 0), Remote: netip.AddrPortFrom(a, 0)}
	}
	if len(e.Config.Overlays) > 0 {
		for _, n := range e.Config.Nodes {
			heard := slices.ContainsFunc(out, func(p Path) bool { return p.Node == n.Name })
			if !heard && n.Name != self.Name {
				out = append(out, to(n.Name, n.Addresses[0]))
			}
		}
	}
	for _, o := range e.Config.Overlays {
		for _, a := range o.Remotes {
			if !slices.ContainsFunc(out, func(p Path) bool { return p.Remote.Addr() == a }) {
				out = append(out, to("", a))
			}
		}
	}
	size := e.outerSize()
	for i := range out {
		if out[i].Size = leastMTU; out[i].Number == 0 {
			out[i].Size = size
		}
	}
	return out
}

// outerSize is the size of the largest IP packet that the overlays put on the
// underlay, or what heartbeats need.
func (e *Env) outerSize() int {
	size := leastMTU
	links, _ := e.Links()
	extra := overhead(e.self().Addresses[0].Is6())
	for _, o := range e.Config.Overlays {
		mtu := o.MTU
		under := link(links, o.Underlay)
		if device := link(links, o.Name); device != nil {
			mtu = device.MTU
		}
		if under != nil && (mtu == 0 || mtu > under.MTU-extra) {
			mtu = under.MTU - extra
		}
		size = max(size, mtu+extra)
	}
	return size
}

func (e *Env) judgePath(m *PathMTU) Finding {
	subject := m.Path.String()
	switch {
	case m.Problem != "":
		return unchecked("path MTU to "+subject, m.Problem)
	case m.Passed == 0:
		return unchecked("path MTU to "+subject, "it answers no ICMP echo request: it is down, or something drops them")
	case m.Lost == 0:
		return fine(subject, fmt.Sprintf("packets of %d bytes pass", m.Passed))
	}
	seen := fmt.Sprintf("packets of %d bytes pass, of %d do not; %d are wanted", m.Passed, m.Lost, m.Size)
	if m.Heartbeats && m.Passed < leastMTU {
		return smallPath.at(subject, seen, "node", m.Node)
	}
	return blackHole.at(subject, seen, "mtu", fmt.Sprint(m.Passed-overhead(m.Remote.Addr().Is6())), "node", cmp.Or(m.Node, m.Remote.Addr().String()), "file", e.File)
}
