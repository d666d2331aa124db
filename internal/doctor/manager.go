package doctor

import (
	"context"
	"fmt"
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
	netplan = &Problem{"netplan-manages", Hint, "netplan or cloud-init names the interface",
		"`netplan apply`, or the next boot of a changed instance, configures it anew and removes addresses that it does not know", "leave {interface} out of {file}, or run netplan apply only where this node is drained"}
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
	Problems: []*Problem{networkd, networkManager, otherManager, netplan, stripped, keepalived, keepalivedVIP, secondStead},
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
		links, _ := e.Links()
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

// process is one of this network namespace.
type process struct {
	pid, name string
	args      []string
}

// processes lists those of this network namespace.
func (e *Env) processes() ([]process, error) {
	entries, err := e.ReadDir("/proc")
	if err != nil {
		return nil, err
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
		// One whose namespace may not be looked at is taken for one of ours.
		if theirs, err := e.ReadLink(path.Join("/proc", pid, "ns/net")); err == nil && theirs != here {
			continue
		}
		name, err := e.word(path.Join("/proc", pid, "comm"))
		if err != nil {
			continue
		}
		args, _ := e.ReadFile(path.Join("/proc", pid, "cmdline"))
		out = append(out, process{pid, name, strings.Split(strings.TrimRight(string(args), "\x00"), "\x00")})
	}
	return out, nil
}

func runs(list []process, name string) bool {
	return slices.ContainsFunc(list, func(p process) bool { return p.name == name })
}

// managed looks who else configures an interface.
func (e *Env) managed(l *Link, running []process) (out []Finding) {
	state, err := e.ReadFile(fmt.Sprintf("/run/systemd/netif/links/%d", l.Index))
	if admin := value(state, "ADMIN_STATE"); err == nil && runs(running, "systemd-network") && admin != "unmanaged" {
		file := value(state, "NETWORK_FILE")
		text, _ := e.ReadFile(file)
		if keep := value(text, "KeepConfiguration"); keep != "yes" && keep != "static" {
			out = append(out, networkd.at(l.Name, fmt.Sprintf("state %s, file %s, KeepConfiguration=%s", admin, orNone(file), orNone(keep)), "file", path.Base(orNone(file))))
		}
	}
	device, err := e.ReadFile(fmt.Sprintf("/run/NetworkManager/devices/%d", l.Index))
	if err == nil && runs(running, "NetworkManager") && value(device, "managed") != "false" {
		out = append(out, networkManager.at(l.Name, "NetworkManager runs, and its device file does not say managed=false", "interface", l.Name))
	}
	for _, p := range networkPrograms {
		if runs(running, p) {
			out = append(out, otherManager.at(l.Name, p+" runs", "interface", l.Name))
		}
	}
	for _, dir := range []string{"/etc/netplan", "/run/netplan"} {
		files, _ := e.ReadDir(dir)
		for _, file := range files {
			text, err := e.ReadFile(path.Join(dir, file))
			if err == nil && slices.Contains(words(text), l.Name) {
				out = append(out, netplan.at(l.Name, path.Join(dir, file)+" names it", "interface", l.Name, "file", path.Join(dir, file)))
			}
		}
	}
	return out
}

// rivals looks for others that move addresses.
func (e *Env) rivals(running []process) (out []Finding) {
	for _, name := range failoverPrograms {
		if runs(running, name) {
			out = append(out, keepalived.at("", name+" runs", "program", name))
		}
	}
	if text, err := e.ReadFile("/etc/keepalived/keepalived.conf"); err == nil {
		in := words(text)
		for _, v := range e.vips() {
			if slices.Contains(in, v.Prefix.Addr().String()) || slices.Contains(in, v.Prefix.String()) {
				f := keepalivedVIP.at(v.String(), "/etc/keepalived/keepalived.conf names it")
				if !runs(running, "keepalived") {
					f = f.as(Warning)
				}
				out = append(out, f)
			}
		}
	}
	var pids []string
	for _, p := range running {
		if len(p.args) > 1 && path.Base(p.args[0]) == "stead" && p.args[1] == "run" {
			pids = append(pids, p.pid)
		}
	}
	if len(pids) > 1 {
		out = append(out, secondStead.at("", "processes "+strings.Join(pids, ", "), "pids", strings.Join(pids, ",")))
	}
	return out
}

// value reads KEY=value from a file of such lines; the last one counts.
func value(text []byte, key string) (found string) {
	for _, line := range strings.Split(string(text), "\n") {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.TrimSpace(k) == key {
			found = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return found
}

// words splits a configuration at all that stands in no name or address, and
// leaves comments out.
func words(text []byte) []string {
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		if i := strings.IndexAny(line, "#!"); i >= 0 {
			line = line[:i]
		}
		line = strings.TrimRight(line, ":")
		out = append(out, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\"'{}[],;", r) })...)
	}
	for i := range out {
		if !strings.Contains(out[i], "::") {
			out[i] = strings.TrimRight(out[i], ":")
		}
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
