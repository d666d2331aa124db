package api

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// peerCredentials asks the kernel who is at the other end of a unix socket.
func peerCredentials(conn net.Conn) (*unix.Ucred, error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("%T is no unix socket", conn)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return cred, failed
}

// Writers are the users that may change something over the control socket.
type Writers struct{ uids []uint32 }

// overflowUID stands for every user that has no number in the daemon's user
// namespace: nobody in particular, so it never gets a right by its number.
const overflowUID = 65534

// NewWriters resolves the configured users, by name or number, and adds root and the daemon's own.
func NewWriters(users []string) (Writers, error) {
	w := Writers{uids: []uint32{0, uint32(os.Geteuid())}}
	for _, name := range users {
		uid, err := lookup(name)
		if err != nil {
			return Writers{}, err
		}
		if uid == overflowUID {
			return Writers{}, fmt.Errorf("control.users: %q stands for every unknown user: name another one", name)
		}
		w.uids = append(w.uids, uid)
	}
	return w, nil
}

func lookup(name string) (uint32, error) {
	text := name
	if u, err := user.Lookup(name); err == nil {
		text = u.Uid
	}
	uid, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("control.users: no user %q on this machine: create it, or give its number", name)
	}
	return uint32(uid), nil
}

func (w Writers) allow(cred *unix.Ucred) bool {
	return cred != nil && slices.Contains(w.uids, cred.Uid)
}

// guests is how many connections all users together may keep who may not write.
// Whoever may write always gets in.
const guests = 64

// gate is a listener that knows who connects.
type gate struct {
	net.Listener
	writers Writers
	mu      sync.Mutex
	inside  int
}

// visitor is a connection with the credentials of its peer.
type visitor struct {
	net.Conn
	cred  *unix.Ucred
	leave func()
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		cred, err := peerCredentials(conn)
		if err != nil {
			_ = conn.Close()
			continue
		}
		if g.writers.allow(cred) {
			return &visitor{Conn: conn, cred: cred, leave: func() {}}, nil
		}
		if g.enter() {
			return &visitor{Conn: conn, cred: cred, leave: sync.OnceFunc(g.left)}, nil
		}
		_ = conn.Close()
	}
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= guests {
		return false
	}
	g.inside++
	return true
}

func (g *gate) left() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	v.leave()
	return v.Conn.Close()
}
