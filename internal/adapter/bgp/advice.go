package bgp

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errSilent says that an attempt had no answer at all.
var errSilent = errors.New("no answer")

// dialling puts into words why no connection could be had.
func (p *Peer) dialling(err error) string {
	what := fmt.Sprintf("connect to %s", p.Remote)
	switch {
	case errors.Is(err, errSilent), errors.Is(err, unix.ETIMEDOUT):
		return fmt.Sprintf("%s: timed out: %s", what, p.silence())
	case errors.Is(err, unix.ECONNREFUSED):
		return what + ": connection refused: nothing listens there, or not for this node"
	case errors.Is(err, unix.EADDRNOTAVAIL) && p.Source.IsValid():
		return fmt.Sprintf("%s: source %s is not an address of this host that can be used: add it, or correct source in the configuration", what, p.Source)
	case errors.Is(err, unix.ENETUNREACH):
		return what + ": no route: see the routes and whether the interface is up"
	case errors.Is(err, unix.EHOSTUNREACH):
		return fmt.Sprintf("%s: no route to host: nobody has the address on its link, a router has no route to it, or it is further away than %s: see multihop", what, hops(p.TTL))
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Sprintf("%s: %v: a packet filter or a prohibiting route refuses it", what, err)
	}
	return fmt.Sprintf("%s: %v", what, err)
}

// silence says what may be the matter where nothing is answered: what TCP MD5 and
// TTL security refuse, the kernel drops without a word.
func (p *Peer) silence() string {
	text := "a packet filter drops it"
	if len(p.MD5) > 0 {
		text += ", or the password (TCP MD5) is another one there, or there is none"
	} else {
		text += ", or the peer wants a password (TCP MD5)"
	}
	if p.TTL < 255 {
		text += fmt.Sprintf(", or it is further away than %s, or has TTL security", hops(p.TTL))
	}
	if p.MinTTL > 0 {
		text += fmt.Sprintf(", or its packets come with a TTL below %d (TTL security)", p.MinTTL)
	}
	return text
}

func hops(n int) string {
	if n == 1 {
		return "1 hop"
	}
	return fmt.Sprintf("%d hops", n)
}

// broken looks at what is wrong with a connection that is not read.
func (s *Set) broken(st *stream) {
	code, err := unix.GetsockoptInt(st.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || code == 0 {
		code = int(unix.ECONNRESET)
	}
	s.fail(st, unix.Errno(code))
}

// fail ends a connection that has an error.
func (s *Set) fail(st *stream, errno unix.Errno) {
	p := st.peer.settings.Load()
	switch errno {
	case unix.ECONNRESET, unix.EPIPE:
		s.end(st, "reset by the peer")
	case unix.ETIMEDOUT:
		s.end(st, fmt.Sprintf("timed out: nothing was acknowledged for %v: the peer or the way to it is gone%s", p.userTimeout(), p.also()))
	default:
		s.end(st, errno.Error())
	}
}

// also says what else silence may mean on a connection that was there.
func (p *Peer) also() string {
	if len(p.MD5) > 0 {
		return ", or the password (TCP MD5) was changed on one side"
	}
	return ""
}
