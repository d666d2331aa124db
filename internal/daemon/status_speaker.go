package daemon

import (
	"fmt"
	"slices"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/bgp"
	"stead/internal/engine"
	"stead/internal/report"
)

// describeSpeaker adds the BGP and BFD sessions, and what groups announce.
func (d *Daemon) describeSpeaker(s *report.Status, cfg *config.Config, v *engine.View) {
	for i := range v.Sessions {
		s.BGP = append(s.BGP, describeSession(cfg, v, &v.Sessions[i], s.At))
	}
	for i := range v.Paths {
		s.BFD = append(s.BFD, describePath(&v.Paths[i], s.At, v.At))
	}
	for i := range min(len(v.Groups), len(s.Groups)) {
		s.Groups[i].Announces = describeRoutes(v, v.Groups[i].Routes, s.At)
	}
}

func describeRoutes(v *engine.View, r *core.RoutesState, wall time.Time) *report.Announces {
	if r == nil {
		return nil
	}
	out := &report.Announces{Role: string(r.Role), Prepend: max(r.Prepend, 0), To: []string{}}
	if r.Until != 0 {
		out.Until = wall.Add(r.Until.Sub(v.At))
	}
	for _, i := range r.Peers {
		if i < len(v.Sessions) {
			out.To = append(out.To, v.Sessions[i].Name)
		}
	}
	return out
}

func describeSession(cfg *config.Config, v *engine.View, x *core.SessionState, wall time.Time) report.BGPSession {
	st := &x.Status
	out := report.BGPSession{
		Name: x.Name, State: st.State.String(), Since: wallOf(wall, v.At, st.Since), Families: []string{}, FourOctet: st.FourOctet, Refresh: st.Refresh,
		LastError: st.LastError, Attempts: st.Attempts, Flaps: st.Flaps, Received: st.In, Sent: st.Out, Unsent: st.Unsent, Announced: []report.Path{},
	}
	internal := false
	if cfg.BGP != nil {
		if i := slices.IndexFunc(cfg.BGP.Peers, func(p config.BGPPeer) bool { return p.Name == x.Name }); i >= 0 {
			p := &cfg.BGP.Peers[i]
			out.Address, out.AS, internal = report.AddrText(p.Address), p.AS, p.AS == cfg.BGP.LocalAS
		}
	}
	if x.BFD >= 0 && x.BFD < len(v.Paths) {
		out.BFD = v.Paths[x.BFD].Status.State.String()
	}
	if st.State != bgp.EstablishedState {
		return out
	}
	out.HoldTime, out.RouterID = st.HoldTime, st.RouterID
	if st.IPv4 {
		out.Families = append(out.Families, "ipv4")
	}
	if st.IPv6 {
		out.Families = append(out.Families, "ipv6")
	}
	for i := range st.Paths {
		out.Announced = append(out.Announced, describeSent(&st.Paths[i], internal))
	}
	return out
}

// describeSent is a path as the peer has it.
func describeSent(p *bgp.Sent, internal bool) report.Path {
	out := report.Path{Prefix: p.Prefix.String(), NextHop: p.NextHop, ASPath: append([]uint32{}, p.ASPath...)}
	for _, c := range p.Communities {
		out.Communities = append(out.Communities, report.CommunityText(uint32(c)))
	}
	for _, c := range p.Large {
		out.Communities = append(out.Communities, fmt.Sprintf("%d:%d:%d", c.Global, c.Local1, c.Local2))
	}
	if p.HasMED {
		med := p.MED
		out.MED = &med
	}
	if internal {
		pref := p.LocalPref
		out.LocalPref = &pref
	}
	return out
}

func describePath(x *core.PathState, wall time.Time, now core.Instant) report.BFDSession {
	st := &x.Status
	out := report.BFDSession{
		Name: x.Name, Remote: report.AddrText(x.Remote), Multihop: x.Multihop, State: st.State.String(), RemoteState: st.RemoteState.String(),
		Since: wallOf(wall, now, st.Since), TXInterval: st.TXInterval.Microseconds(), DetectionTime: st.DetectionTime.Microseconds(),
		LastHeard: -1, MaxGap: st.MaxGap.Microseconds(), Ups: st.Ups, Downs: st.Downs, Sent: st.Sent, Received: st.Received,
		Refused: st.Refused, LastRefusal: st.LastRefusal,
	}
	if st.Diag != 0 {
		out.Diagnostic = st.Diag.String()
	}
	if st.RemoteDiag != 0 {
		out.RemoteDiag = st.RemoteDiag.String()
	}
	if st.LastHeard != 0 {
		out.LastHeard = float64(now.Sub(st.LastHeard)) / 1e6
	}
	return out
}

// wallOf is the wall time of an instant; never for none.
func wallOf(wall time.Time, now, then core.Instant) time.Time {
	if then == 0 {
		return time.Time{}
	}
	return wall.Add(-now.Sub(then))
}
