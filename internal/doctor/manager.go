package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

var (
	networkd = &Problem{"networkd-manages", Hint, "systemd-networkd manages the interface",
		"when it is restarted or reconfigures the interface it removes addresses that it does not know; stead puts them back, and for that moment the service is silent",
		"mkdir -p /etc/systemd/network/{file}.d; printf '[Network]\\nKeepConfiguration=static\\n' > /etc/systemd/network/{file}.d/90-stead.conf; networkctl reload"}
	networkManager = &Problem{"networkmanager-manages", Hint, "NetworkManager manages the interface",
		"when it applies a profile anew it removes addresses that it does not know; stead puts them back, and for that moment the service is silent",
		"nmcli device set {interface} managed no, and unmanaged-devices=interface-name:{interface} in /etc/NetworkManager/conf.d/90-stead.conf"}
	otherManager = &Problem{"other-manager", Hint, "another program configures the network",
		"it may remove the service address; stead puts it back, and for that moment the service is silent", "exclude {interface} in its configuration"}
	stripped = &Problem{"addresses-stripped", Warning, "somebody has removed service addresses here",
		"each time the service was silent until stead had put the address back", "stead events; then find out who: ip monitor address"}
	keepalived = &Problem{"keepalived-runs", Warning, "another failover daemon runs here",
		"two that move addresses on one interface undo each other's work", "systemctl disable --now {program}, or keep their addresses apart"}
	keepalivedVIP = &Problem{"keepalived-has-address", Fatal, "keepalived is configured with the same address",
		"both move the address: two hosts will serve it at once", "systemctl disable --now keepalived"}
	secondStead = &Problem{"two-daemons", Warning, "several stead daemons run in this network namespace",
		"they send from the same address and port, and remove each other's addresses", "ps -fp {pids}; then end the one that systemd did not start"}
)

// networkPrograms configure networks, by their names in /proc/PID/comm (15 characters).
var networkPrograms = []string{"dhcpcd", "connmand", "wickedd", "ifplugd"}

// failoverPrograms move addresses.
var failoverPrograms = []string{"keepalived", "ucarp", "vrrpd", "pacemakerd", "corosync", "kube-vip", "vip-manager"}

var managers = Check{
	Name:     "other-managers",
	Problems: []*Problem{networkd, networkManager, otherManager, stripped, keepalived, keepalivedVIP, secondStead},
	Run: func(_ context.Context, e *Env) []Finding {
		names, _ := e.byInterface()
		if len(names) == 0 {
			return nil
		}
		running, err := e.processes()
		if err != nil {
			return []Finding{unchecked("other managers of the network", err.Error())}
		}
		var out []Finding
		if e.Status != nil && e.Status.Counters.AddressRepairs > 0 {
			out = append(out, stripped.at("", fmt.Sprintf("%d times since the daemon has started", e.Status.Counters.AddressRepairs)))
		}
		links, err := e.Links()
		if err != nil {
			out = append(out, unchecked("other managers of the network", err.Error()))
		}
		for _, name := range names {
			if l := link(links, name); l != nil {
				out = append(out, e.managed(l, running)...)
			}
		}
		out = append(out, e.rivals(running)...)
		if len(out) == 0 {
			out = append(out, fine("", "none on "+strings.Join(names, ", ")))
		}
		return out
	},
}

// process is one of this network namespace, as far as that is known.
type process struct {
	pid, name string
	args      []string
	here      bool // it is
}

// processes lists those that are not known to be in another network namespace.
func (e *Env) processes() ([]process, error) {
	entries, err := e.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	if _, err := e.ReadFile("/proc/1/comm"); err != nil {
		return nil, fmt.Errorf("processes of others are hidden from this user: %w", err)
	}
	here, err := e.ReadLink("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, pid := range entries {
		if strings.Trim(pid, "0123456789") != "" {
			continue
		}
		theirs, unknown := e.ReadLink(path.Join("/proc", pid, "ns/net"))
		if unknown == nil && theirs != here || errors.Is(unknown, fs.ErrNotExist) { // a process that has ended has none
			continue
		}
		name, err := e.word(path.Join("/proc", pid, "comm"))
		if err != nil {
			continue
		}
		args, _ := e.ReadFile(path.Join("/proc", pid, "cmdline"))
		out = append(out, process{pid, name, strings.Split(strings.TrimRight(string(args), "\x00"), "\x00"), unknown == nil})
	}
	return out, nil
}

func runs(list []process, name string) bool {
	return slices.ContainsFunc(list, func(p process) bool { return p.name == name })
}

// managed looks who else configures an interface.
func (e *Env) managed(l *Link, running []process) (out []Finding) {
	if runs(running, "systemd-network") {
		out = append(out, e.networkd(l)...)
	}
	device, err := e.ReadFile(fmt.Sprintf("/run/NetworkManager/devices/%d", l.Index))
	if err == nil && runs(running, "NetworkManager") && keyValue(device, "managed") != "false" {
		out = append(out, networkManager.at(l.Name, "NetworkManager runs, and its device file does not say managed=false", "interface", l.Name))
	}
	for _, p := range networkPrograms {
		if runs(running, p) {
			out = append(out, otherManager.at(l.Name, p+" runs", "interface", l.Name))
		}
	}
	return out
}

// networkd reads what systemd-networkd notes of an interface; sd_network(3) has
// the keys.
func (e *Env) networkd(l *Link) []Finding {
	state, err := e.ReadFile(fmt.Sprintf("/run/systemd/netif/links/%d", l.Index))
	admin := keyValue(state, "ADMIN_STATE")
	if err != nil || admin == "unmanaged" {
		return nil
	}
	file := keyValue(state, "NETWORK_FILE")
	var keep string
	for _, name := range append([]string{file}, strings.FieldsFunc(keyValue(state, "NETWORK_FILE_DROPINS"), func(r rune) bool { return r == ' ' || r == ':' })...) {
		text, _ := e.ReadFile(name)
		keep = cmp.Or(keyValue(text, "KeepConfiguration"), keep)
	}
	if keep == "yes" || keep == "static" {
		return nil
	}
	return []Finding{networkd.at(l.Name, fmt.Sprintf("state %s, file %s, KeepConfiguration=%s", admin, orNone(file), orNone(keep)), "file", path.Base(orNone(file)))}
}

// rivals looks for others that move addresses.
func (e *Env) rivals(running []process) (out []Finding) {
	for _, name := range failoverPrograms {
		if runs(running, name) {
			out = append(out, keepalived.at("", name+" runs", "program", name))
		}
	}
	const file = "/etc/keepalived/keepalived.conf"
	switch text, err := e.ReadFile(file); {
	case errors.Is(err, fs.ErrPermission):
		out = append(out, unchecked("configuration of keepalived", oneLine(err)))
	case err == nil:
		in := words(text)
		for _, v := range e.vips() {
			if slices.Contains(in, v.Prefix.Addr().String()) || slices.Contains(in, v.Prefix.String()) {
				f := keepalivedVIP.at(v.String(), file+" names it")
				if !runs(running, "keepalived") {
					f = f.as(Warning)
				}
				out = append(out, f)
			}
		}
	}
	var pids []string
	for _, p := range running {
		if p.here && len(p.args) > 1 && path.Base(p.args[0]) == "stead" && p.args[1] == "run" {
			pids = append(pids, p.pid)
		}
	}
	if len(pids) > 1 {
		out = append(out, secondStead.at("", "processes "+strings.Join(pids, ", "), "pids", strings.Join(pids, ",")))
	}
	return out
}

// keyValue reads KEY=value from a file of such lines; the last one counts.
func keyValue(text []byte, key string) (found string) {
	for _, line := range strings.Split(string(text), "\n") {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.TrimSpace(k) == key {
			found = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return found
}

// words splits keepalived's configuration at all that stands in no address, and
// leaves comments out.
func words(text []byte) []string {
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		if i := strings.IndexAny(line, "#!"); i >= 0 {
			line = line[:i]
		}
		out = append(out, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\"'{}[],;", r) })...)
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
