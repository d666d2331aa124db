package keepalived

import (
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// What Stead takes: the shapes of internal/config.
var (
	interfaceName = regexp.MustCompile(`^([^\s/:.]|[^\s/:]{2,15}|\.[^\s/:.])$`)
	userName      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?$`)
	processName   = regexp.MustCompile(`^[^\s/]{1,255}$`)
	hostName      = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|\[[0-9A-Za-z:.]+\])$`)
)

// control tells of what may stand in no text of a configuration: control characters,
// and what is no UTF-8.
func control(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }

func printableText(s string) bool { return strings.IndexFunc(s, control) < 0 && len(s) <= 4095 }

func absolutePath(s string) bool { return strings.HasPrefix(s, "/") && printableText(s) }

func portNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535 && strconv.Itoa(n) == s
}

// destination tells whether a host and a port are those of a check or a server.
func destination(host, port string) bool {
	return host != "" && len(host) < 250 && portNumber(port) && printableText(host) && !strings.ContainsFunc(host, unicode.IsSpace) && !strings.Contains(host, "[")
}

func mailAddress(s string) bool {
	_, err := mail.ParseAddress(s)
	return err == nil && printableText(s) && len(s) <= 320
}

// oneHost tells whether an address is one of a machine.
func oneHost(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// nodeHost tells whether an address may be that of a node.
func nodeHost(a netip.Addr) bool {
	return oneHost(a) && !(a.Is6() && a.IsLinkLocalUnicast()) && a.Zone() == ""
}

// own tells whether an address is known to be this machine's.
func (c *converter) own(g *group, a netip.Addr) bool {
	return slices.Contains([]netip.Addr{c.o.Address, g.source, c.o.Host.Address(g.device)}, a)
}
