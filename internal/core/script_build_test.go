package core

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"stead/internal/core/vrrp"
)

// build makes the nodes of a script: n0, n1... are members, the last ones
// witnesses. Priorities are 200, 190, 180..., heartbeats 5 ms x 3.
func (s *script) build(args []string) error {
	opt := map[string]string{"members": "2", "witnesses": "0"}
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		opt[key] = value
	}
	members, err := strconv.Atoi(opt["members"])
	if err != nil {
		return err
	}
	witnesses, err := strconv.Atoi(opt["witnesses"])
	if err != nil {
		return err
	}
	synced := opt["groups"]
	delete(opt, "groups") // after all that the groups have in common
	delete(opt, "members")
	delete(opt, "witnesses")
	_, quorum := opt["quorum"]
	if s.mayBe = 1; !quorum {
		s.mayBe = 0
	}
	for i := range members + witnesses {
		cfg := testConfig(i, members, witnesses, quorum)
		if every := opt["vrrp"]; every != "" {
			if err := asRouters(&cfg, every); err != nil {
				return err
			}
			s.mayBe = 0
		}
		for key, value := range opt {
			if err := configure(&cfg, key, value); err != nil {
				return err
			}
		}
		for i := range cfg.Groups {
			if r := cfg.Groups[i].Router; r != nil {
				r.Preempt, r.PreemptDelay, r.StartDelay = cfg.Groups[i].Preempt, cfg.Groups[i].PreemptDelay, cfg.Groups[i].StartDelay
			}
		}
		if synced != "" {
			if err := configure(&cfg, "groups", synced); err != nil {
				return err
			}
		}
		s.add(cfg)
	}
	return nil
}

// configure sets one option of a bench line.
func configure(cfg *Config, key, value string) (err error) {
	g := &cfg.Groups[0]
	switch key {
	case "quorum", "vrrp":
	case "detect":
		g.Interval, err = time.ParseDuration(value)
		g.Multiplier = 3
		g.Router.Detector = vrrp.Detector{Interval: g.Interval, Lease: g.Lease()}
	case "groups": // that change together
		g.Sync = "together"
		var n int
		n, err = strconv.Atoi(value)
		for i := 1; i < n; i++ {
			more, router := *g, *g.Router
			more.Name, more.Router = fmt.Sprint("g", i), &router
			router.VRID += uint8(i)
			cfg.Groups = append(cfg.Groups, more)
		}
	case "preempt":
		if g.Preempt = value != "off"; g.Preempt {
			g.PreemptDelay, err = time.ParseDuration(value)
		}
	case "linger":
		g.Linger, err = time.ParseDuration(value)
	case "start-delay":
		g.StartDelay, err = time.ParseDuration(value)
	case "refresh":
		g.Refresh, err = time.ParseDuration(value)
	case "priorities":
		for i, p := range strings.Split(value, ",") {
			if g.Members[i].Priority, err = strconv.Atoi(p); err != nil {
				return err
			}
		}
	case "interfaces":
		g.Interfaces = strings.Split(value, ",")
	case "hook":
		g.PrepareHook = true
	case "on-quorum-loss":
		g.HoldOnQuorumLoss = value == "hold"
	case "held-off":
		cfg.HeldOff = value == cfg.Nodes[cfg.Self].Name
	case "unfenced":
		cfg.Unfenced = true
	case "fatal":
		g.Checks = append(g.Checks, Check{Name: value, Rise: 1, Fall: 2, Fatal: true})
	case "weight":
		var weight int
		weight, err = strconv.Atoi(value)
		g.Checks = append(g.Checks, Check{Name: "haproxy", Rise: 1, Fall: 1, Weight: weight})
	default:
		return fmt.Errorf("unknown option %q", key)
	}
	return err
}

// asRouters has the group decided by VRRP, with advertisements every so often.
func asRouters(cfg *Config, every string) error {
	g := &cfg.Groups[0]
	interval, err := time.ParseDuration(every)
	g.Router = &vrrp.Config{
		VRID: 51, Version: 3, Interval: interval, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		To: []netip.Addr{netip.MustParseAddr("224.0.0.18")}, MinTTL: 255, DownAdverts: 3, Accept: true,
	}
	g.Voters, g.Interval, g.Multiplier, g.PreemptDelay = nil, 0, 0, 0
	for i := range g.Members {
		g.Members[i].Router = routerAt(int(g.Members[i].Node))
	}
	return err
}
