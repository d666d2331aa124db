package keepalived

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"stead/internal/importer/draft"
)

// vip reads an address with or without its prefix; without, it is /32 or /128. why
// says what Stead has against it.
func vip(text string) (p netip.Prefix, why string) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return p, "is not an address that keepalived reads"
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	a := p.Addr()
	switch {
	case p.Bits() == 0:
		return p, "has the prefix length 0"
	case a.IsLoopback() || !oneHost(a):
		return p, "is not an address that others can reach"
	case a.Is4() && p.Bits() < 31 && a == p.Masked().Addr():
		return p, "is the address of its network"
	case a.Is4() && p.Bits() < 31 && !p.Contains(a.Next()):
		return p, "is the broadcast address of its network"
	}
	return p, ""
}

// holds tells whether an address is one of the group.
func (g *group) holds(a netip.Addr) bool {
	return slices.ContainsFunc(g.addresses, func(p netip.Prefix) bool { return p.Addr() == a })
}

// addresses writes the addresses of the group.
func (c *converter) addresses(g *group) {
	advertised := 0
	for _, list := range g.lists {
		for _, d := range list.Block {
			excluded := list.Name() == "virtual_ipaddress_excluded"
			p, why := vip(d.Name())
			switch {
			case why != "":
				c.find(d, Lost, why, "correct it")
			case slices.Contains(g.addresses, p):
				c.find(d, Unneeded, "is there already", "")
			case c.isService(p.Addr()):
				c.find(d, Lost, "is an address of another instance, or stands here with another prefix: Stead gives it to one group", "remove one of them")
			case !excluded && p.Addr().Is6() != g.v6:
				c.find(d, Lost, "is of another family than the first: keepalived refuses it", "write it into virtual_ipaddress_excluded")
			case len(g.addresses) == 256:
				c.find(d, Lost, "a group has at most 256 addresses", "give the rest a group of their own")
			default:
				if advertised++; !excluded && advertised > 255 {
					excluded = true
				}
				c.oneAddress(g, d, p, excluded)
			}
		}
	}
}

func (c *converter) oneAddress(g *group, d *Directive, p netip.Prefix, excluded bool) {
	device, ok := c.addressOptions(d, g.device)
	if !ok {
		return
	}
	g.addresses = append(g.addresses, p)
	text := fmt.Sprintf("{ address: %s, interface: %s", literal(p), draft.Scalar(device))
	if excluded {
		text += ", advertised: false"
	}
	g.section.Add("addresses", draft.Item{Text: text + " }", Note: from(d)})
}

// literal quotes an IPv6 address: in YAML a colon may end a key.
func literal(address interface{ String() string }) string {
	s := address.String()
	if strings.Contains(s, ":") {
		return `"` + s + `"`
	}
	return s
}

// addressOptions reads what stands behind an address: all but the interface is
// listed. It is false when the address itself was listed.
func (c *converter) addressOptions(d *Directive, device string) (string, bool) {
	d.use(0)
	for i := 1; i < len(d.Words); i++ {
		word, next := d.Arg(i), d.Arg(i+1)
		if word == "dev" {
			d.use(i, i+1)
			if i++; !interfaceName.MatchString(next) {
				c.find(d, Lost, "dev is followed by no name of an interface", "correct it")
				return "", false
			}
			device = next
			continue
		}
		v, words, known := addressOption(d, word, next)
		if !known {
			continue // swept
		}
		for n := 0; n <= words; n++ {
			d.use(i + n)
		}
		if v.why != "" {
			c.note(d, v.kind, strings.TrimSpace(word+" "+strings.Join(d.Words[i+1:min(i+1+words, len(d.Words))], " "))+": "+v.why, v.do)
		}
		i += words
	}
	return device, true
}

// addressOption says what Stead does of an option, and how many words follow it.
func addressOption(d *Directive, word, next string) (v verdict, words int, known bool) {
	single := !strings.Contains(d.Name(), "/") || strings.HasSuffix(d.Name(), "/32") || strings.HasSuffix(d.Name(), "/128")
	switch {
	case word == "scope" && next == "global":
		return v, 1, true
	case word == "scope":
		return changed("Stead chooses the scope: host for an IPv4 address with /32, else global", ""), 1, true
	case word == "preferred_lft" && next == "0":
		return unneeded("Stead adds IPv6 addresses so, and IPv4 ones with /32 are never taken as a source"), 1, true
	case word == "preferred_lft":
		return changed("Stead adds IPv6 addresses with a preferred lifetime of 0", "choose the source address in programs that rely on it"), 1, true
	case word == "noprefixroute" && single:
		return unneeded("a single address brings no route of a prefix"), 0, true
	}
	option, known := addressVerdicts[word]
	return option.verdict, option.words, known
}
