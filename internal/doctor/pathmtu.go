package doctor

import (
	"context"
	"fmt"
	"net/netip"
)

// PathMTU is what was measured on a path, with packets that may not be fragmented.
type PathMTU struct {
	Path
	Passed  int    // bytes of the largest IP packet that was answered; 0: none was
	Lost    int    // bytes of the smallest one that was not; 0: none
	Method  string // how it was measured
	Problem string // why nothing could be sent
}

var (
	blackHole = &Problem{"path-mtu", Warning, "the path drops packets that are smaller than the MTU promises",
		"large packets vanish while small ones pass: connections to the service address open and then hang, on this node or after a takeover",
		"set overlays.NAME.mtu to {mtu} or less in {file}, or raise the MTU on the way to {node}"}
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
		size := e.outerSize()
		var out []Finding
		for _, m := range e.PathMTU(ctx, paths, size) {
			out = append(out, e.judgePath(&m, size))
		}
		return out
	},
}

// tunnels are the paths of heartbeats, and those of tunnels to clients.
func (e *Env) tunnels() []Path {
	out := e.paths()
	self := e.self()
	if self == nil || len(e.Config.Overlays) == 0 {
		return out
	}
	known := map[string]bool{self.Name: true}
	for _, p := range out {
		known[p.Node] = true
	}
	for _, n := range e.Config.Nodes {
		if !known[n.Name] {
			out = append(out, Path{Node: n.Name, Local: netip.AddrPortFrom(self.Addresses[0], e.Config.Heartbeat.Port), Remote: netip.AddrPortFrom(n.Addresses[0], e.Config.Heartbeat.Port)})
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

func (e *Env) judgePath(m *PathMTU, size int) Finding {
	subject := fmt.Sprintf("%s (%s)", m.Node, m.Remote.Addr())
	if m.Problem != "" {
		return unchecked("path MTU to "+subject, m.Problem)
	}
	if m.Passed == 0 {
		return unchecked("path MTU to "+subject, "nothing there answers "+m.Method+": it is down, or they are blocked")
	}
	seen := fmt.Sprintf("%s that may not be fragmented: %d bytes are answered", m.Method, m.Passed)
	if m.Lost == 0 {
		return fine(subject, seen)
	}
	seen += fmt.Sprintf(", %d are not (wanted %d)", m.Lost, size)
	if m.Passed < leastMTU {
		return smallPath.at(subject, seen, "node", m.Node)
	}
	return blackHole.at(subject, seen, "mtu", fmt.Sprint(m.Passed-overhead(m.Remote.Addr().Is6())), "node", m.Node, "file", e.File)
}
