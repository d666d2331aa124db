package neighbour

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// change is a change of a link. One that is lost tells that there may have been any.
type change struct {
	index   int32
	running bool // it has a carrier
	lost    bool
}

// links hears of changes of links.
type links struct {
	file  *os.File
	done  chan struct{}
	ended sync.WaitGroup
}

func openLinks() (*links, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch links: %w", err)
	}
	return &links{file: os.NewFile(uintptr(fd), "netlink"), done: make(chan struct{})}, nil
}

// close ends what listen has started and waits for it.
func (l *links) close() {
	close(l.done)
	_ = l.file.Close()
	l.ended.Wait()
}

// listen returns the changes from now on.
func (l *links) listen() <-chan change {
	changes := make(chan change, 16)
	l.ended.Go(func() {
		// The rest of a longer message is cut off: its start says enough.
		for b := make([]byte, 512); ; {
			n, err := l.file.Read(b)
			c, ok := parseChange(b[:max(n, 0)])
			switch {
			case errors.Is(err, unix.ENOBUFS):
				c = change{lost: true}
			case err != nil:
				return
			case !ok:
				continue
			}
			select {
			case changes <- c:
			case <-l.done:
				return
			}
		}
	})
	return changes
}

// parseChange reads one message: the kernel puts no more into a datagram here.
func parseChange(b []byte) (c change, ok bool) {
	if len(b) < unix.SizeofNlMsghdr+unix.SizeofIfInfomsg {
		return c, false
	}
	kind, body := native.Uint16(b[4:]), b[unix.SizeofNlMsghdr:]
	if kind != unix.RTM_NEWLINK && kind != unix.RTM_DELLINK {
		return c, false
	}
	running := kind == unix.RTM_NEWLINK && native.Uint32(body[8:])&unix.IFF_RUNNING != 0
	return change{index: int32(native.Uint32(body[4:])), running: running}, true
}
