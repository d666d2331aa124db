package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"stead/internal/config"
)

// announced are the addresses of groups that are announced by BGP.
func (e *Env) announced() (out []vip) {
	for _, v := range e.vips() {
		if g, ok := e.Config.Group(v.group); ok && g.Routes != nil && !v.Prefix.Addr().IsLinkLocalUnicast() {
			out = append(out, v)
		}
	}
	return out
}

// bgpAddresses looks at what announced addresses need of the host. Ways are the
// interfaces that lead to peers, from where packets for the addresses come.
func (e *Env) bgpAddresses(links []Link, ways map[string]bool) (out []Finding) {
	vips := e.announced()
	for _, v := range vips {
		for i := range links {
			l := &links[i]
			if l.Name != v.Interface && !l.Loopback && near(l, v.Prefix.Addr()) {
				out = append(out, bgpConnected.at(v.String(), fmt.Sprintf("%s is connected to its network", l.Name), "file", e.File))
			}
		}
	}
	if !slices.ContainsFunc(vips, func(v vip) bool { return v.Prefix.Addr().Is4() }) {
		return out
	}
	outside := 0
	for _, l := range links {
		if !l.Loopback && l.Up {
			outside++
		}
	}
	for _, l := range links {
		if ways[l.Name] && !l.Loopback {
			out = append(out, e.bgpSettings(l.Name, outside > 1)...)
		}
	}
	return out
}

// bgpSettings reads the settings of an interface from which packets for the addresses
// come. Several tells that their way back may be another one.
func (e *Env) bgpSettings(iface string, several bool) (out []Finding) {
	look := func(x *setting, problem *Problem, wrong func(int) bool, severity Severity) {
		v, err := e.value(x, iface)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			out = append(out, unchecked("settings of "+iface, oneLine(err)))
		case wrong(v.counts):
			out = append(out, problem.at(iface, v.seen, "settings", v.set).as(severity))
		}
	}
	severity := Hint
	if several {
		severity = Warning
	}
	look(&setting{family: 4, name: "rp_filter", combine: maximum, right: 2}, bgpFilter, func(v int) bool { return v == 1 }, severity)
	if e.Config.Fence == config.FenceNone || e.Config.Fence == config.FenceGuard {
		look(&setting{family: 4, name: "arp_ignore", combine: maximum, right: 1}, bgpAnswers, func(v int) bool { return v == 0 }, Hint)
	}
	return out
}
