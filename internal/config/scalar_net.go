package config

import (
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// unmapped refuses what an address may not be where packets go to one host.
func unmapped(a netip.Addr) *fault {
	switch {
	case a.Zone() != "":
		return &fault{"has a zone", "an address without a zone", "use an address that is not link-local"}
	case a.Is4In6():
		return &fault{"is an IPv4 address written as IPv6", "an IPv4 address", "write " + a.Unmap().String()}
	case a.IsUnspecified():
		return &fault{"is the unspecified address", "the address of one host", ""}
	case a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return &fault{"is not the address of one host", "a unicast address", ""}
	}
	return nil
}

func address() *scalar {
	parse := func(text string) (any, *fault) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			f := &fault{"is not an IP address", "an IP address", "names are not looked up: write an address such as 10.0.1.10 or fd00::10"}
			if p, err := netip.ParsePrefix(text); err == nil {
				f.advice = "leave the prefix length off: " + p.Addr().String()
			}
			return nil, f
		}
		if f := unmapped(a); f != nil {
			return nil, f
		}
		if a.IsLinkLocalUnicast() && a.Is6() {
			return nil, &fault{"is link-local", "an address without a zone", "use a global or a unique local (fd00::/8) address"}
		}
		return a, nil
	}
	return &scalar{words: "IP address", parse: parse, schema: map[string]any{"type": "string", "pattern": `^[0-9a-fA-F.:]+$`}}
}

// router is where a router's packets come from or go to: link-local ones are of the
// interface of its virtual router.
func router() *scalar {
	plain := address()
	parse := func(text string) (any, *fault) {
		if a, err := netip.ParseAddr(text); err == nil && a.Is6() && a.IsLinkLocalUnicast() {
			if a.Zone() != "" {
				return nil, &fault{"has a zone", "an address without a zone", "leave the zone off: interface names it"}
			}
			return a, nil
		}
		return plain.parse(text)
	}
	return &scalar{words: plain.words, parse: parse, schema: plain.schema}
}

// multicast is the address of a group.
func multicast() *scalar {
	parse := func(text string) (any, *fault) {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" || a.Is4In6() || !a.IsMulticast() {
			return nil, &fault{"is not a multicast address", "a multicast address", "write 224.0.0.18 or ff02::12, or leave it off"}
		}
		return a, nil
	}
	return &scalar{words: "multicast address", parse: parse, schema: map[string]any{"type": "string", "pattern": `^[0-9a-fA-F.:]+$`}}
}

// prefix is a host's address with its prefix length.
func prefix() *scalar {
	parse := func(text string) (any, *fault) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			f := &fault{"is not an address with a prefix length", "an address such as 192.168.0.200/24", "write one such as 192.168.0.200/24 or fd00::200/64"}
			if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
				f.advice = "add the prefix length: " + a.String() + "/24, or /" + strconv.Itoa(a.BitLen()) + " for a single address"
				if a.Is6() {
					f.advice = "add the prefix length: " + a.String() + "/64, or /128 for a single address"
				}
			}
			return nil, f
		}
		a := p.Addr()
		if f := unmapped(a); f != nil {
			return nil, f
		}
		switch {
		case p.Bits() == 0:
			return nil, &fault{"has the prefix length 0", "a prefix length of 1 or more", "write the length of the network's prefix, or /" + strconv.Itoa(a.BitLen())}
		case a.IsLoopback():
			return nil, &fault{"is a loopback address", "an address that others can reach", ""}
		case a.Is4() && p.Bits() < 31 && a == p.Masked().Addr():
			return nil, &fault{"is the network's own address", "a host's address", "write the address of a host in " + p.String()}
		case a.Is4() && p.Bits() < 31 && !p.Contains(a.Next()):
			return nil, &fault{"is the network's broadcast address", "a host's address", "write the address of a host in " + p.Masked().String()}
		}
		return p, nil
	}
	return &scalar{words: "IP address with prefix length", parse: parse,
		schema: map[string]any{"type": "string", "pattern": `^[0-9a-fA-F.:]+/[0-9]{1,3}$`}}
}

// hostPort is a TCP or UDP destination of a check: a name or an address, and a port.
func hostPort() *scalar {
	const expected = "host:port"
	s := text("`host:port`", 300, func(t string) *fault {
		host, port, err := net.SplitHostPort(t)
		if err != nil {
			return &fault{"is not host:port", expected, "write 127.0.0.1:80 or [::1]:80"}
		}
		if host == "" || !plainWord(host) {
			return &fault{"names no host", expected, "write the host that is asked: 127.0.0.1:" + port}
		}
		return portFault(port)
	})
	s.schema["pattern"] = `^.+:[0-9]+$`
	return s
}

func portFault(port string) *fault {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || !integerText.MatchString(port) {
		return &fault{"does not end in a port in 1–65535", "a port in 1–65535", "write the port as a number"}
	}
	return nil
}

// listen is where to accept connections: an address and a port, or none.
func listen() *scalar {
	const expected = "address:port or none"
	s := text("`address:port`, or `none`", 100, func(t string) *fault {
		if t == "" || t == "none" {
			return nil
		}
		host, port, err := net.SplitHostPort(t)
		if err != nil {
			return &fault{"is not address:port", expected, "write 127.0.0.1:9177, or none"}
		}
		if host == "" {
			return &fault{"names no address", expected, "write 127.0.0.1:" + port + ", or [::]:" + port + " for every address"}
		}
		if _, err := netip.ParseAddr(host); err != nil {
			return &fault{"names no IP address", expected, "names are not looked up: write 127.0.0.1:" + port}
		}
		return portFault(port)
	})
	s.schema["pattern"] = `^(|none|.+:[0-9]+)$`
	return s
}

func webURL() *scalar {
	s := text("URL, `http` or `https`", 2048, func(t string) *fault {
		const expected = "a URL such as http://127.0.0.1:3000/"
		u, err := url.Parse(t)
		if err != nil || !plainWord(t) {
			return &fault{"is not a URL", expected, "write one such as http://127.0.0.1:3000/"}
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			return &fault{"is not an http or https URL", expected, "write http:// or https:// in front"}
		}
		if u.Hostname() == "" {
			return &fault{"names no host", expected, "write one such as http://127.0.0.1:3000/"}
		}
		if u.Port() != "" {
			return portFault(u.Port())
		}
		return nil
	})
	s.schema["pattern"] = `^https?://`
	return s
}

// syslogTarget is a socket of this host or a server.
func syslogTarget() *scalar {
	const expected = "an absolute path, udp://host:port or tcp://host:port"
	s := text("absolute path, `udp://host:port` or `tcp://host:port`", 300, func(t string) *fault {
		if path.IsAbs(t) {
			return printable(t)
		}
		scheme, at, found := strings.Cut(t, "://")
		if !found || scheme != "udp" && scheme != "tcp" {
			return &fault{"is no place of a syslog server", expected, "write /dev/log, or udp://host:514"}
		}
		host, port, err := net.SplitHostPort(at)
		if err != nil || host == "" || !plainWord(host) {
			return &fault{"names no host and port", expected, "write " + scheme + "://host:514"}
		}
		return portFault(port)
	})
	s.schema["pattern"] = `^(/|(udp|tcp)://.+:[0-9]+$)`
	return s
}

// mailbox is an address of mail, with or without a name.
func mailbox() *scalar {
	s := text("mail address, `name@domain` or `Words <name@domain>`", 320, func(t string) *fault {
		const expected = "name@domain"
		if f := printable(t); f != nil {
			return f
		}
		if _, err := mail.ParseAddress(t); err != nil {
			return &fault{"is not a mail address", expected, "write one such as stead@example.net"}
		}
		return nil
	})
	s.schema["pattern"] = "@"
	return s
}

func hardwareAddress() *scalar {
	s := text("MAC address, unicast", 17, func(t string) *fault {
		const expected = "a MAC address such as 02:00:00:00:00:0a"
		mac, err := net.ParseMAC(t)
		if err != nil || len(mac) != 6 {
			return &fault{"is not a MAC address", expected, "write six bytes: 02:00:00:00:00:0a"}
		}
		if mac[0]&1 != 0 || [6]byte(mac) == [6]byte{} {
			return &fault{"is not the MAC address of one interface", expected, "the first byte has to be even: 02:00:00:00:00:0a"}
		}
		return nil
	})
	s.schema["pattern"] = `^[0-9a-fA-F:.-]{14,17}$`
	return s
}

// absolutePath is the path of a file, at most most bytes.
func absolutePath(most int) *scalar {
	s := text("absolute path", most, func(t string) *fault {
		if !path.IsAbs(t) {
			return &fault{"is not an absolute path", "an absolute path", "write it from /"}
		}
		return printable(t)
	})
	s.schema["pattern"] = "^/"
	return s
}

// printable refuses control characters.
func printable(t string) *fault {
	if strings.IndexFunc(t, unicode.IsControl) >= 0 {
		return &fault{"holds a control character", "printable text", "remove it"}
	}
	return nil
}

// plainWord tells whether t is one word of printable characters.
func plainWord(t string) bool {
	return strings.IndexFunc(t, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) < 0
}
