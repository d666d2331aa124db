package keepalived

import (
	"strings"
	"testing"
	"time"

	"stead/internal/config"
)

// instance is the configuration of an instance with these lines in it.
func instanceWith(lines string) string {
	return "vrrp_instance V {\n interface eth0\n virtual_router_id 9\n virtual_ipaddress { 10.0.1.9 }\n" + lines + "\n}\n"
}

func load(t *testing.T, text string) (*config.Config, *Result) {
	t.Helper()
	path := write(t, text)
	r := importFile(t, path)
	cfg, err := config.Parse(path, r.Config)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Config)
	}
	return cfg, r
}

func first(t *testing.T, text string) *config.Group {
	t.Helper()
	cfg, _ := load(t, text)
	if len(cfg.Groups) == 0 {
		t.Fatal("no group")
	}
	return &cfg.Groups[0]
}

// TestDefaults: what keepalived does where nothing is said is what Stead is told.
func TestDefaults(t *testing.T) {
	g := first(t, instanceWith("track_script {\n S\n }")+"vrrp_script S { \nscript /bin/true\n}\n")
	v := g.Election.VRRP
	if v.Version != 2 || v.Interval != time.Second || v.VRID != 9 || !v.Accept || v.DownAdverts != 3 || v.Unicast || v.VirtualMAC {
		t.Errorf("the virtual router is %+v", v)
	}
	if !g.Preempt.Enabled || g.Preempt.Delay != 0 || g.Members[0].Priority != 100 || g.Addresses[0].Prefix.String() != "10.0.1.9/32" {
		t.Errorf("the group is %+v", g)
	}
	c := g.Checks[0]
	if c.Interval != time.Second || c.Timeout != time.Second || c.Rise != 1 || c.Fall != 1 || !c.Fatal || c.Weight != 0 {
		t.Errorf("the check is %+v", c)
	}
}

// TestStateAndPreempt: when keepalived follows nopreempt and preempt_delay, and
// which priority it takes.
func TestStateAndPreempt(t *testing.T) {
	for _, c := range []struct {
		lines    string
		priority int
		enabled  bool
		delay    time.Duration
	}{
		{"state MASTER", 255, true, 0},
		{"state BACKUP", 100, true, 0},
		{"state MASTER\n priority 90\n nopreempt\n preempt_delay 5", 90, true, 0},
		{"state BACKUP\n nopreempt", 100, false, 0},
		{"state BACKUP\n nopreempt\n preempt_delay 5", 100, false, 0},
		{"preempt_delay 4.5", 100, true, 4500 * time.Millisecond},
		{"priority 255\n nopreempt\n preempt_delay 5", 255, true, 0},
		{"strict_mode\n state MASTER\n priority 90\n nopreempt", 90, false, 0},
		{"strict_mode\n preempt_delay 5", 100, true, 0},
	} {
		g := first(t, instanceWith(c.lines))
		if p := g.Members[0].Priority; p != c.priority || g.Preempt.Enabled != c.enabled || g.Preempt.Delay != c.delay {
			t.Errorf("%q: priority %d, preempt %+v", c.lines, p, g.Preempt)
		}
	}
}

// TestWeights: a weight of 0 is a fault, one on the line of the instance wins.
func TestWeights(t *testing.T) {
	for _, c := range []struct {
		script, line string
		weight       int
		fatal        bool
		checks       int
	}{
		{"", "S", 0, true, 1},
		{"weight 0", "S", 0, true, 1},
		{"weight 2", "S", 2, false, 1},
		{"weight -20", "S", -20, false, 1},
		{"weight -20", "S weight 5", 5, false, 1},
		{"weight 5", "S weight 0", 0, true, 1},
		{"weight -254", "S", -253, false, 1},
		{"weight 5 reverse", "S", 0, false, 0},
		{"weight 5 reverse", "S weight 6 noreverse", 6, false, 1},
		{"weight 5", "S weight 300", 0, false, 0},
	} {
		g := first(t, instanceWith("track_script {\n "+c.line+"\n }")+"vrrp_script S {\n script /bin/true\n "+c.script+"\n}\n")
		if len(g.Checks) != c.checks {
			t.Errorf("%q, %q: %d checks", c.script, c.line, len(g.Checks))
			continue
		}
		if c.checks == 1 && (g.Checks[0].Weight != c.weight || g.Checks[0].Fatal != c.fatal) {
			t.Errorf("%q, %q: %+v", c.script, c.line, g.Checks[0])
		}
	}
}

// TestInterval: keepalived rounds to whole seconds in version 2 and to hundredths
// in version 3.
func TestInterval(t *testing.T) {
	for lines, want := range map[string]time.Duration{
		"advert_int 0.4": time.Second, "advert_int 1.5": 2 * time.Second, "advert_int 300": 255 * time.Second,
		"version 3\n advert_int 0.01": 10 * time.Millisecond, "version 3\n advert_int 0.333": 330 * time.Millisecond,
		"version 3\n advert_int 41": 40950 * time.Millisecond, "version 3\n advert_int .5": 500 * time.Millisecond,
	} {
		if got := first(t, instanceWith(lines)).Election.VRRP.Interval; got != want {
			t.Errorf("%q: %v, want %v", lines, got, want)
		}
	}
}

// TestSecretsStayOut: a password and a key are in their files and nowhere else.
func TestSecretsStayOut(t *testing.T) {
	const key = "a-key-of-thirty-two-bytes-or-more"
	cfg, r := load(t, instanceWith("authentication {\n auth_type PASS\n auth_pass hush1234\n }")+
		strings.NewReplacer("_instance V", "_instance W", "id 9", "id 10", "10.0.1.9", "10.0.1.10").Replace(
			instanceWith("version 3\n auth_hmac {\n key 7 "+key+"\n active_key 7\n }")))
	for _, text := range []string{string(r.Config), list(r)} {
		if strings.Contains(text, "hush1234") || strings.Contains(text, key) {
			t.Errorf("a secret is in\n%s", text)
		}
	}
	if len(r.Secrets) != 2 || string(r.Secrets[0].Content) != "hush1234\n" || string(r.Secrets[1].Content) != key+"\n" {
		t.Errorf("the secrets are %+v", r.Secrets)
	}
	v, w := cfg.Groups[0].Election.VRRP.Auth, cfg.Groups[1].Election.VRRP.Auth
	if v.KeyFiles[0] != r.Secrets[0].Path || w.KeyFiles[7] != r.Secrets[1].Path || w.KeyID != 7 {
		t.Errorf("the files are %v and %v", v, w)
	}
}

// TestComplete: only what matters makes a result incomplete.
func TestComplete(t *testing.T) {
	for lines, want := range map[string]bool{
		"": true, "garp_master_delay 5": true, "debug 3": true,
		"virtual_routes {\n default via 10.0.0.1\n }": false, "made_up": false, "use_vmac name": false,
	} {
		if _, r := load(t, instanceWith(lines)); r.Complete() != want {
			t.Errorf("%q: complete is %t\n%s", lines, r.Complete(), list(r))
		}
	}
}

// TestTrackFileWithoutAWeight: any number but 0 is a fault, whatever its sign.
func TestTrackFileWithoutAWeight(t *testing.T) {
	g := first(t, instanceWith("track_file {\n F weight 0\n }")+"track_file F {\n file /run/stop\n}\n")
	if len(g.Checks) != 1 {
		t.Fatalf("%d checks", len(g.Checks))
	}
	if c := g.Checks[0]; !c.Number || c.Weight != 0 || !c.Fatal {
		t.Errorf("%+v", c)
	}
}
