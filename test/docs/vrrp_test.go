package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/report"
	"stead/internal/testns"
)

const (
	vrrpPage   = root + "/docs/how-to/share-an-address-by-vrrp.md"
	besidePage = root + "/docs/how-to/run-beside-keepalived.md"

	twoNodes = "nodes: { primary: { address: 10.0.1.10 }, secondary: { address: 10.0.1.20 } }\n"
)

// file makes a whole configuration of a block of the page, which may show a part.
func file(block, whole string) string {
	switch {
	case strings.HasPrefix(block, "auth:"):
		return twoNodes + regexp.MustCompile(`(?m)auth:.*$`).ReplaceAllLiteralString(whole, strings.TrimSpace(block))
	case strings.HasPrefix(block, "groups:"):
		return twoNodes + block
	}
	return block
}

// signed is the page's group that authenticates.
func signed(t *testing.T) string {
	t.Helper()
	all := blocks(t, vrrpPage, "yaml")
	i := slices.IndexFunc(all, func(b string) bool { return strings.HasPrefix(b, "groups:") && strings.Contains(b, "auth:") })
	if i < 0 {
		t.Fatal("no group with auth")
	}
	return all[i]
}

// Every configuration that the pages show is one, and nothing about it is odd.
func TestVRRPConfigurations(t *testing.T) {
	for page, least := range map[string]int{vrrpPage: 11, besidePage: 1} {
		all := blocks(t, page, "yaml")
		if len(all) < least {
			t.Errorf("%s: %d configurations", page, len(all))
		}
		for _, block := range all {
			cfg, err := config.Parse("stead.yaml", []byte(file(block, signed(t))))
			if err != nil {
				t.Errorf("%s: %v\n%s", page, err, block)
				continue
			}
			for _, w := range cfg.Warnings {
				t.Errorf("%s: %v\n%s", page, w, block)
			}
			for i := range cfg.Groups {
				if cfg.Groups[i].Election.VRRP == nil {
					t.Errorf("%s: group %s is not decided by VRRP", page, cfg.Groups[i].Name)
				}
			}
		}
	}
}

// TestVRRP does what the pages tell people to do, on three hosts.
func TestVRRP(t *testing.T) {
	testns.Privileged(t)
	bin := buildStead(t)
	for name, test := range map[string]func(*testing.T, *lan){"pair": pair, "rotation": rotation, "beside keepalived": beside, "variants": variants} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			test(t, newLAN(t, bin))
		})
	}
}

var (
	lengths = regexp.MustCompile(`\d+(\.\d+)?(ms|s)\b`)
	spaces  = regexp.MustCompile(` +`)
)

// alike leaves out of a text what differs from run to run.
func alike(text string) string {
	return spaces.ReplaceAllString(lengths.ReplaceAllString(strings.TrimSpace(text), "T"), " ")
}

// The pair in front of haproxy: it shows what the page shows, follows haproxy, and
// is drained.
func pair(t *testing.T, n *lan) {
	n.pool(t)
	primary, secondary := n.host("primary"), n.host("secondary")
	whole, balancer := blocks(t, vrrpPage, "yaml")[0], blocks(t, vrrpPage, "haproxy")[0]
	primary.start(t, "haproxy", "-db", "-f", primary.write(t, "haproxy.cfg", balancer))
	secondary.start(t, "haproxy", "-db", "-f", secondary.write(t, "haproxy.cfg", balancer))
	primary.stead(t, whole)
	n.served(t, "primary", primary)
	secondary.stead(t, whole)
	n.served(t, "primary", primary, secondary)
	testns.Eventually(t, patience, "the check of the secondary", func() bool { return secondary.group(t).EffectivePriority == 102 })
	shown := blocks(t, vrrpPage, "")
	_, status, _ := strings.Cut(secondary.ask(t, "status"), "\n\n")
	if alike(status) != alike(shown[0]) {
		t.Errorf("status is\n%s\nthe page shows\n%s", status, shown[0])
	}
	ask := strings.Fields(commandWith(t, vrrpPage, "probe ping"))
	if said := n.client.ns.Run(t, append(append([]string{n.bin}, ask[1:]...), "--duration", "300ms")...); !strings.Contains(said, " 0 lost") {
		t.Error(said)
	}

	primary.stop(t, "haproxy")
	n.served(t, "secondary", primary, secondary)
	if title, _, _ := strings.Cut(secondary.ask(t, "explain", "web"), "\n"); title != strings.TrimSpace(shown[1]) {
		t.Errorf("explain says\n%s\nthe page shows\n%s", title, shown[1])
	}
	primary.start(t, "haproxy", "-db", "-f", primary.path("haproxy.cfg"))
	n.served(t, "primary", primary, secondary)
	primary.ask(t, "drain", "--wait")
	n.served(t, "secondary", secondary)
	primary.ask(t, "resume")
	n.served(t, "primary", primary, secondary)
}

// A key is changed as the page says: advertisements are believed all the time, and
// nothing moves.
func rotation(t *testing.T, n *lan) {
	n.keys(t)
	here, whole := n.here, signed(t)
	primary, secondary := n.host("primary"), n.host("secondary")
	primary.stead(t, here(file(whole, "")))
	n.served(t, "primary", primary)
	secondary.stead(t, here(file(whole, "")))
	n.served(t, "primary", primary, secondary)
	before := [2]uint64{primary.router(t).Transitions, secondary.router(t).Transitions}
	steps := slices.DeleteFunc(blocks(t, vrrpPage, "yaml"), func(b string) bool { return !strings.HasPrefix(b, "auth:") })
	if len(steps) != 3 {
		t.Fatalf("%d steps", len(steps))
	}
	for _, step := range steps {
		for _, h := range []*host{primary, secondary} {
			h.configure(t, here(file(step, whole)))
			h.ask(t, "reload")
			heard := secondary.router(t).Received
			testns.Eventually(t, patience, "the secondary believes advertisements after "+step, func() bool { return secondary.router(t).Received > heard+5 })
		}
	}
	if after := [2]uint64{primary.router(t).Transitions, secondary.router(t).Transitions}; after != before {
		t.Errorf("the roles changed: %v, then %v", before, after)
	}
	if refused := secondary.router(t).Refused; len(refused) > 0 {
		t.Errorf("refused: %v", refused)
	}
	// The last step has taken effect: the old key is not believed any more.
	secondary.configure(t, here(file(whole, "")))
	secondary.ask(t, "reload")
	testns.Eventually(t, patience, "a router with the old key refuses the new one", func() bool { return secondary.router(t).Refused["unknown-key"] > 0 })
}

// Each configuration of the page makes a pair, in which one takes over from the
// other that is killed.
func variants(t *testing.T, n *lan) {
	n.keys(t)
	n.client.ns.Run(t, "sh", "-ec", n.here(`cd /etc/stead; mkdir hooks
for script in hooks/activate notify.sh; do echo '#!/bin/sh' >$script; echo 'echo "$0 $*" >>/etc/stead/called' >>$script; chmod 755 $script; done`))
	primary, secondary := n.host("primary"), n.host("secondary")
	for i, block := range blocks(t, vrrpPage, "yaml") {
		if strings.HasPrefix(block, "auth:") || i == 0 { // shown by the tests above
			continue
		}
		whole := n.here(file(block, ""))
		primary.stead(t, whole)
		n.served(t, "primary", primary)
		secondary.stead(t, whole)
		n.served(t, "primary", primary, secondary)
		primary.kill(t, "stead")
		n.served(t, "secondary", secondary)
		secondary.stop(t, "stead")
		primary.stead(t, whole) // takes away what it left behind
		n.served(t, "primary", primary)
		primary.stop(t, "stead")
	}
	if called := read(t, n.here("/etc/stead/called")); !strings.Contains(called, "notify.sh INSTANCE web MASTER 101") || !strings.Contains(called, "hooks/activate") {
		t.Errorf("the hooks left %q", called)
	}
}

// keys makes the keys of the page with its commands.
func (n *lan) keys(t *testing.T) {
	t.Helper()
	command := n.here(strings.TrimSpace(commandWith(t, vrrpPage, "vrrp.key.1")))
	heartbeats := regexp.MustCompile("`(head -c 32 [^`]*)`").FindStringSubmatch(read(t, vrrpPage))
	if heartbeats == nil {
		t.Fatal("no command that makes the key of heartbeats")
	}
	n.client.ns.Run(t, "sh", "-ec", command+"\n"+strings.ReplaceAll(command, "key.1", "key.2")+"\n"+n.here(heartbeats[1]))
}

// here puts what the page has in /etc into the test's directory.
func (n *lan) here(text string) string {
	return strings.NewReplacer("/etc/stead", n.dir, "/etc/keepalived", n.dir).Replace(text)
}

// Two keepaliveds are replaced one after the other.
func beside(t *testing.T, n *lan) {
	conf, whole := blocks(t, besidePage, "keepalived")[0], blocks(t, besidePage, "yaml")[0]
	primary, secondary := n.host("primary"), n.host("secondary")
	if !strings.Contains(conf, "priority 101") {
		t.Fatal(conf)
	}
	for h, text := range map[*host]string{primary: conf, secondary: strings.Replace(conf, "priority 101", "priority 100", 1)} {
		h.start(t, "keepalived", "-n", "-l", "-f", h.write(t, "keepalived.conf", text), "-p", h.path("pid"), "-r", h.path("vrrp.pid"))
	}
	holds := func(h *host) bool {
		return strings.Contains(h.ns.Run(t, "ip", "addr", "show", "eth0"), "10.0.1.200/24")
	}
	testns.Eventually(t, patience, "keepalived on primary alone has the address", func() bool { return holds(primary) && !holds(secondary) })
	secondary.stop(t, "keepalived")
	secondary.stead(t, whole)
	n.served(t, "primary", secondary)
	if v := secondary.router(t); v.OtherAddresses+v.OtherChecksum+v.OtherInterval > 0 || len(v.Refused) > 0 {
		t.Errorf("the two contradict each other: %+v", v)
	}
	primary.stop(t, "keepalived")
	n.served(t, "secondary", secondary)
	primary.stead(t, whole)
	n.served(t, "primary", primary, secondary)
}

// served waits until each of the hosts says that a node is active, and no other
// one says that it is.
func (n *lan) served(t *testing.T, active string, hosts ...*host) {
	t.Helper()
	testns.Eventually(t, patience, active+" is active", func() bool {
		for _, h := range hosts {
			all := h.groups(t)
			for _, g := range all {
				if g.ActiveNode != active || (g.Role == report.RoleActive) != (h.name == active) || g.Role == report.RoleActive && !g.FenceOpen {
					return false
				}
			}
			if len(all) == 0 {
				return false
			}
		}
		return true
	})
}

// commandWith is the block of commands in which a word stands.
func commandWith(t *testing.T, page, word string) string {
	t.Helper()
	all := blocks(t, page, "sh")
	i := slices.IndexFunc(all, func(b string) bool { return strings.Contains(b, word) })
	if i < 0 {
		t.Fatalf("%s: no command with %s", page, word)
	}
	return all[i]
}

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// configure writes the host's configuration, with what its own file system would keep apart.
func (h *host) configure(t *testing.T, text string) {
	t.Helper()
	h.write(t, "stead.yaml", text+fmt.Sprintf("control: { socket: %s }\nstate: { dir: %s }\nhttp: { listen: none }\n", h.path("sock"), h.path("state")))
}

// write makes a file of the host and returns its path.
func (h *host) write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h.path(name)
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }
