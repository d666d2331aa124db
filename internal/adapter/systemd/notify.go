// Package systemd tells the service manager how the daemon is: the datagrams of
// sd_notify(3). They are few and plain, and unlike the usual library this never
// waits for a manager that does not read, keeps the socket out of the environment
// of what the daemon starts, and states the time of a reload, which
// Type=notify-reload asks for.
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// sendPatience bounds how long a message may wait for room in the manager's queue.
const sendPatience = 100 * time.Millisecond

// Notifier sends messages to the service manager. The nil Notifier sends none. Its
// methods may be called from any goroutine.
type Notifier struct {
	conn     *net.UnixConn
	watchdog time.Duration
}

// FromEnvironment returns the Notifier that the service manager has asked for by
// $NOTIFY_SOCKET, nil where it has not, and takes the manager's variables out of
// the environment, so that no program that the daemon starts speaks for it.
func FromEnvironment() (*Notifier, error) {
	socket, usec, pid := os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, fmt.Errorf("take %s out of the environment: %w", name, err)
		}
	}
	if socket == "" {
		return nil, nil
	}
	if !strings.HasPrefix(socket, "/") && !strings.HasPrefix(socket, "@") {
		return nil, fmt.Errorf("$NOTIFY_SOCKET is %q: want a path or an abstract name", socket)
	}
	watchdog, err := watchdogOf(usec, pid)
	if err != nil {
		return nil, err
	}
	// A name that begins with @ is an abstract one to package net as well.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("the service manager's socket: %w", err)
	}
	return &Notifier{conn: conn, watchdog: watchdog}, nil
}

// watchdogOf reads how long the manager waits for a sign of life; 0 is for ever.
// A process that is not the one that the manager started is not watched.
func watchdogOf(usec, pid string) (time.Duration, error) {
	if usec == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(time.Hour*24*365/time.Microsecond) {
		return 0, fmt.Errorf("$WATCHDOG_USEC is %q: want microseconds", usec)
	}
	return time.Duration(n) * time.Microsecond, nil
}

// Watchdog is within what time the manager wants a sign of life, 0 for never.
func (n *Notifier) Watchdog() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog
}

// Ready says that the daemon runs, after its start or a reload.
func (n *Notifier) Ready(status string) error { return n.send("READY=1", statusLine(status)) }

// Status puts what the daemon does into words, one line.
func (n *Notifier) Status(status string) error { return n.send(statusLine(status)) }

// Alive is the sign of life.
func (n *Notifier) Alive() error { return n.send("WATCHDOG=1") }

// Stopping says that the daemon has begun to end, and how long that may take: the
// manager waits for it that long, if that is longer than it would wait anyway.
func (n *Notifier) Stopping(status string, within time.Duration) error {
	return n.send("STOPPING=1", statusLine(status), "EXTEND_TIMEOUT_USEC="+strconv.FormatInt(within.Microseconds(), 10))
}

// Reloading says that a reload has begun; Ready ends it, however it went.
func (n *Notifier) Reloading() error {
	usec, err := monotonic()
	if err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(usec, 10))
}

// Close closes the socket.
func (n *Notifier) Close() error {
	if n == nil {
		return nil
	}
	return n.conn.Close()
}

func statusLine(status string) string {
	return "STATUS=" + strings.ReplaceAll(status, "\n", " ")
}

// send sends one message of several lines.
func (n *Notifier) send(lines ...string) error {
	if n == nil {
		return nil
	}
	if err := n.conn.SetWriteDeadline(now().Add(sendPatience)); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	if _, err := n.conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
