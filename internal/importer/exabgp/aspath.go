package exabgp

import (
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// mostPrepend is how often Stead prepends.
const mostPrepend = 100

// prepend is how often the local AS is prepended where ExaBGP sends exactly this
// AS_PATH to the peer. Stead's path always begins with the local AS once, where the
// peer is of another AS.
func (c *converter) prepend(d *Directive, p *peer, list []string, text string) int {
	length, foreign, set := 0, false, false
	for _, word := range list {
		switch word {
		case "(", "[":
			set = true
			length++
			continue
		case ")", "]":
			set = false
			foreign = true
			continue
		}
		n, ok := asn(word)
		if !ok {
			c.refuse(d, "correct it", "%q is not an AS number", word)
			return 0
		}
		if !set {
			length++
		}
		foreign = foreign || n != p.localAS
	}
	if p.internal() {
		if length > 0 {
			c.about(d, text, draft.Lost, "the path to a peer of the same AS has no AS number of this node", "use local-preference")
		}
		return 0
	}
	if foreign {
		c.about(d, text, draft.Lost, "Stead puts its own AS into the path only: the path is as long, and "+strconv.FormatUint(uint64(p.localAS), 10)+" stands in it throughout",
			"use communities, if somebody decides by the other numbers")
	}
	if length == 0 {
		c.about(d, text, draft.Changed, "to a peer of another AS the path begins with the AS of this node once (RFC 4271 section 5.1.2)", "nothing: the peer would refuse it otherwise")
		return 0
	}
	length--
	if length > mostPrepend {
		c.about(d, strings.TrimSpace(text[:min(len(text), 60)]), draft.Changed, "Stead prepends "+strconv.Itoa(mostPrepend)+" times at most", "")
	}
	return min(length, mostPrepend)
}
