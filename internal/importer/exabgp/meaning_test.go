package exabgp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/config"
)

// neighborWith is the configuration of a neighbor of another AS with these lines in it.
func neighborWith(lines string) string {
	return "neighbor 10.0.1.4 {\n local-address 10.0.2.10;\n local-as 65010;\n peer-as 65515;\n" + lines + "\n}\n"
}

func result(t *testing.T, text string) *Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return importFile(t, path)
}

func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	return load(t, result(t, text), "lb1.example.net")
}

// TestDefaults: what ExaBGP does where nothing is said is what Stead is told.
func TestDefaults(t *testing.T) {
	cfg := parsed(t, neighborWith("static {\n route 10.1.0.5 next-hop self;\n }"))
	p := cfg.BGP.Peers[0]
	if p.HoldTime != 180*time.Second || p.Multihop != 64 || p.TTLSecurity || p.Passive || p.Port != 179 || !p.IPv4 || p.IPv6 || cfg.BGP.RouterID.String() != "10.0.2.10" || p.Source.String() != "10.0.2.10" {
		t.Errorf("the peer is %+v of %+v", p, cfg.BGP)
	}
	g := cfg.Groups[0]
	if g.Election.Type != config.ElectionNone || g.Addresses[0].Prefix.String() != "10.1.0.5/32" || g.Addresses[0].Interface != "lo" ||
		g.Routes.Prepend != (config.Prepend{Active: 0, Standby: config.Withdrawn, Unhealthy: config.Withdrawn, Drain: config.Withdrawn}) || g.Routes.MED != nil {
		t.Errorf("the group is %+v %+v", g, g.Routes)
	}
}

// TestHops: how far a peer may be follows from the TTLs of both directions.
func TestHops(t *testing.T) {
	for lines, want := range map[string]struct {
		hops   int
		secure bool
	}{
		"": {64, false}, "outgoing-ttl 2;": {2, false}, "outgoing-ttl 0;": {64, false}, "outgoing-ttl disable;": {64, false},
		"incoming-ttl 255;": {1, true}, "incoming-ttl 254; outgoing-ttl 255;": {2, true}, "ttl-security 255;": {1, true}, "incoming-ttl 1;": {255, true},
	} {
		p := parsed(t, neighborWith(lines+"\nstatic { route 10.1.0.5 next-hop self; }")).BGP.Peers[0]
		if p.Multihop != want.hops || p.TTLSecurity != want.secure {
			t.Errorf("%q: %d hops, security %t", lines, p.Multihop, p.TTLSecurity)
		}
	}
}

// TestASPath: ExaBGP sends exactly what it is told, Stead begins with its own AS.
func TestASPath(t *testing.T) {
	for path, want := range map[string]int{
		"": 0, "as-path 65010": 0, "as-path [ 65010 ]": 0, "as-path [ 65010 65010 65010 ]": 2, "as-path [65010,65010]": 1,
		"as-path [ ]": 0, "as-path [ 65010 64999 ]": 1, "as-path [ 65010 ( 64999 64998 ) ]": 1,
	} {
		g := parsed(t, neighborWith("static {\n route 10.1.0.5 next-hop self "+path+";\n }")).Groups[0]
		if g.Routes.Prepend.Active != want {
			t.Errorf("%q: prepended %d times, want %d", path, g.Routes.Prepend.Active, want)
		}
	}
}

func checked(t *testing.T, args string) config.Group {
	t.Helper()
	return parsed(t, "process web {\n run exabgp healthcheck --ip 10.1.0.5 "+args+";\n encoder text;\n}\n"+neighborWith("api { processes [ web ]; }")).Groups[0]
}

// TestHealthcheck: the options of exabgp's own check, and what it does without them.
func TestHealthcheck(t *testing.T) {
	g := checked(t, "--cmd true")
	c := g.Checks[0]
	if c.Interval != 5*time.Second || c.Timeout != 5*time.Second || c.Rise != 3 || c.Fall != 3 || !c.Shell || c.Command[0] != "true" || !c.Fatal || *g.Routes.MED != 100 {
		t.Errorf("without options: %+v, %+v", c, g.Routes)
	}
	if p := g.Routes.Prepend; p.Active != 0 || p.Unhealthy != 2 || p.Drain != 1 {
		t.Errorf("a service that is down is announced with a larger metric: %+v", p)
	}
	g = checked(t, "-c 'check --all' --timeout=1 -i 1 -f .25 --rise 1 --fall 1 --withdraw-on-down --up-metric 7")
	c = g.Checks[0]
	if c.Interval != time.Second || c.Timeout != time.Second || c.Rise != 1 || c.Fall != 1 || c.Command[0] != "check --all" || *g.Routes.MED != 7 || g.Routes.Prepend.Unhealthy != config.Withdrawn {
		t.Errorf("with options: %+v, %+v", c, g.Routes)
	}
	if g = checked(t, "--withdraw-on-down"); len(g.Checks) != 0 {
		t.Errorf("without a command: %+v", g.Checks)
	}
	g = checked(t, "--as-path '65010 65010' --down-as-path '65010 65010 65010 65010 65010' --disabled-as-path 65010 --disable /run/x --down-execute d --execute e")
	if p := g.Routes.Prepend; p.Active != 1 || p.Unhealthy != 4 || p.Drain != 2 {
		t.Errorf("with paths by role: %+v", p)
	}
	if c := g.Checks[0]; !slices.Equal(c.Command[1:], []string{"!", "-e", "/run/x"}) || c.Fall != 1 {
		t.Errorf("the file that disables: %+v", c)
	}
	if h := g.Hooks[config.HookFault]; h.Command[0] != "export STATE=DOWN; d; e" || len(g.Hooks) != 3 {
		t.Errorf("the hooks: %+v", g.Hooks)
	}
}

// TestTemplate: of what can be said once, the template counts, as in ExaBGP.
func TestTemplate(t *testing.T) {
	cfg := parsed(t, "template { neighbor x { hold-time 30; static { route 10.1.0.6 next-hop self; } } }\n"+neighborWith("inherit x;\nhold-time 90;\nstatic { route 10.1.0.5 next-hop self; }"))
	if p := cfg.BGP.Peers[0]; p.HoldTime != 30*time.Second || len(cfg.Groups) != 1 || len(cfg.Groups[0].Addresses) != 2 {
		t.Errorf("%+v, %d groups", p, len(cfg.Groups))
	}
}

// TestSecretsStayOut: a password is in its file and nowhere else.
func TestSecretsStayOut(t *testing.T) {
	for _, lines := range []string{"md5-password hush1234;", "md5-password 'hush1234'; md5-base64 false;", "md5-password aHVzaDEyMzQ=; md5-base64 true;", "md5-password hush1234 more;"} {
		r := result(t, neighborWith(lines+"\nstatic { route 10.1.0.5 next-hop self; }"))
		for _, secret := range []string{"hush1234", "aHVzaDEyMzQ", "more"} {
			if strings.Contains(string(r.Config)+list(r), secret) {
				t.Errorf("%q: a secret is in\n%s%s", lines, r.Config, list(r))
			}
		}
		if len(r.Secrets) != 1 || string(r.Secrets[0].Content) != "hush1234\n" || parsed(t, neighborWith(lines+"\nstatic { route 10.1.0.5 next-hop self; }")).BGP.Peers[0].PasswordFile != r.Secrets[0].Path {
			t.Errorf("%q: the secrets are %+v", lines, r.Secrets)
		}
	}
}

// TestComplete: only what matters makes a result incomplete.
func TestComplete(t *testing.T) {
	for lines, want := range map[string]bool{
		"": true, "group-updates false;": true, "capability { route-refresh; asn4 disable; graceful-restart disable; }": true, "family { ipv4 unicast; }": true,
		"capability { graceful-restart 120; }": false, "family { ipv4 flow; }": false, "made-up;": false, "md5-password x;": false,
	} {
		r := result(t, neighborWith(lines+"\nstatic { route 10.1.0.5 next-hop self; }"))
		if r.Complete() != want {
			t.Errorf("%q: complete is %t\n%s", lines, r.Complete(), list(r))
		}
	}
}

// TestPairOfTheTrial: both announce, the second one with a longer path.
func TestPairOfTheTrial(t *testing.T) {
	r := pair(t, [2]string{"primary", "secondary"})
	cfg := load(t, r, "two")
	if got := cfg.Groups[0].Routes.For("two").Prepend.Active - cfg.Groups[0].Routes.For("one").Prepend.Active; got != 2 || !r.Complete() {
		t.Errorf("the path of the second one is longer by %d; complete is %t", got, r.Complete())
	}
}
