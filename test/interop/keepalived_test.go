package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// keepalived is keepalived as the distribution has it.
type keepalived struct{}

func (keepalived) String() string { return "keepalived" }

func (keepalived) up() string { return "Entering BACKUP STATE" }

func (keepalived) start(t testing.TB, h *host, s settings, priority int) {
	t.Helper()
	var instance strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&instance, "  "+format+"\n", args...) }
	if s.unicast {
		say("unicast_src_ip %s", s.source(h))
		say("unicast_peer {\n    %s\n  }", s.source(h.other()))
	}
	if s.password != "" {
		say("authentication {\n    auth_type PASS\n    auth_pass %s\n  }", s.password)
	}
	if s.nopreempt {
		say("nopreempt")
	}
	if s.checked {
		say("track_file {\n    check weight %d\n  }", s.weight)
	}
	file, length := "", 24
	if s.checked {
		h.well(t)
		file = fmt.Sprintf("track_file check {\n  file %q\n  weight %d\n}\n", h.path(checkFile), s.weight)
	}
	if s.ipv6 {
		length = 64
	}
	h.keepalived(t, fmt.Sprintf(`global_defs {
  router_id %s
  vrrp_version %d
}
%svrrp_instance web {
  state BACKUP
  interface eth1
  virtual_router_id %d
  priority %d
  advert_int %g
%s  virtual_ipaddress {
    %s/%d dev eth1
  }
}
`, h.name, s.version, file, vrid, priority, s.interval.Seconds(), instance.String(), s.vip(), length))
}

// keepalived starts keepalived with a configuration.
func (h *host) keepalived(t testing.TB, text string) {
	t.Helper()
	h.running = nil
	for _, file := range []string{"pid", "vrrp.pid"} {
		// It takes a killed one whose parent has not asked for its end yet for running.
		if err := os.Remove(h.path(file)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	h.begin(t, "keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", h.write(t, "conf", text),
		"-p", h.path("pid"), "-r", h.path("vrrp.pid"))
}

// overwrite changes the content of the check's file in its place, as a program
// that writes into it does. keepalived and FRR's watchers see no other file.
func (h *host) overwrite(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(h.path(checkFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
