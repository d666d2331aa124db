package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// answerLimit is how many bytes of an answer are looked at.
const answerLimit = 64 << 10

// address splits a target into a network for dialing and an address on it.
// For tcp, "unix:/path" names a socket in the file system.
func address(network, target string) (dialNetwork, dialAddress string, err error) {
	// A datagram socket in the file system would need a name of ours for the answer.
	if path, ok := strings.CutPrefix(target, "unix:"); ok && network == "tcp" {
		return "unix", path, nil
	}
	if _, _, err := net.SplitHostPort(target); err != nil {
		return "", "", err
	}
	return network, target, nil
}

// dial connects by the deadline. The connection reads what has arrived even
// when the deadline has passed.
func dial(ctx context.Context, network, address string, deadline time.Time) (net.Conn, error) {
	dialer := net.Dialer{Deadline: deadline, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(deadline); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &lateReader{Conn: conn}, nil
}

// lateReader is a connection that first takes what has arrived and only then
// believes that its deadline has passed. Without it a process that was not
// scheduled for a while calls a service silent whose answer lies in the socket.
type lateReader struct{ net.Conn }

// Read implements net.Conn.
func (c *lateReader) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	if n := readArrived(c.Conn, p); n > 0 {
		return n, nil
	}
	return 0, err
}

// abort closes with a reset instead of a farewell, so that a check every 10 ms
// does not leave thousands of sockets in TIME_WAIT.
func (c *lateReader) abort() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
}

// readArrived reads without waiting. It returns 0 when nothing has arrived.
func readArrived(conn net.Conn, p []byte) (n int) {
	raw, err := rawConn(conn)
	if err != nil || len(p) == 0 {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		n, _ = unix.Read(int(fd), p)
	})
	return max(n, 0)
}

// netResult turns an error of the network into a result.
func netResult(err error, timeout time.Duration) Result {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return notRun("look up " + dns.Name + ": " + dns.Err)
	case isLocalFault(err):
		return notRun(err.Error())
	case isTimeout(err):
		return timedOut("no answer within " + timeout.String())
	default:
		return failed(err.Error())
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func rawConn(conn net.Conn) (syscall.RawConn, error) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return c.SyscallConn()
}
