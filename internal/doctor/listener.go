package doctor

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

var noBind = &Problem{"no-nonlocal-bind", Hint, "a service listens on the service address itself",
	"on a node without the address it cannot be started: after a takeover it has to be started first",
	"let it listen on every address, or: sysctl -w net/ipv{family}/ip_nonlocal_bind=1, and the same line in /etc/sysctl.d/90-stead.conf on every node"}

var listeners = Check{
	Name:     "listeners",
	Problems: []*Problem{noBind},
	Run: func(_ context.Context, e *Env) []Finding {
		vips := e.vips()
		if len(vips) == 0 {
			return nil
		}
		var out []Finding
		for _, table := range []struct {
			file, setting string
			family        string
		}{
			{"/proc/thread-self/net/tcp", "/proc/sys/net/ipv4/ip_nonlocal_bind", "4"},
			{"/proc/thread-self/net/tcp6", "/proc/sys/net/ipv6/ip_nonlocal_bind", "6"},
		} {
			text, err := e.ReadFile(table.file)
			allowed, _ := e.word(table.setting)
			switch {
			case allowed == "1", errors.Is(err, fs.ErrNotExist): // the latter: a kernel without IPv6
				continue
			case err != nil:
				out = append(out, unchecked("who listens on the addresses", err.Error()))
				continue
			}
			for _, l := range listening(string(text)) {
				if slices.ContainsFunc(vips, func(v vip) bool { return v.Prefix.Addr() == l.Addr() }) {
					out = append(out, noBind.at(l.String(), "a TCP socket listens there; ip_nonlocal_bind is 0", "family", table.family))
				}
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "none depends on the address being there"))
		}
		return out
	},
}

// stateListen is TCP_LISTEN in /proc/net/tcp (proc_pid_net(5)).
const stateListen = "0A"

const stateEstablished = "01" // TCP_ESTABLISHED

// netSocket is a line of /proc/net/tcp, tcp6, udp or udp6.
type netSocket struct {
	local, remote netip.AddrPort
	state         string
}

// sockets reads all of one.
func sockets(table string) (out []netSocket) {
	for _, line := range strings.Split(table, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		local, ok := endpoint(fields[1])
		remote, also := endpoint(fields[2])
		if ok && also {
			out = append(out, netSocket{local, remote, fields[3]})
		}
	}
	return out
}

// endpoint reads an address with its port.
func endpoint(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	number, bad := strconv.ParseUint(port, 16, 16)
	if err != nil || bad != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 { // words in the byte order of the host
		slices.Reverse(raw[i : i+4])
	}
	a, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(number)), ok
}

// listening are the listening sockets of /proc/net/tcp or tcp6.
func listening(table string) (out []netip.AddrPort) {
	for _, s := range sockets(table) {
		if s.state == stateListen {
			out = append(out, s.local)
		}
	}
	return out
}
