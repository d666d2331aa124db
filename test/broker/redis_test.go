package broker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"stead/internal/testns"
)

// redis is a connection to a server. It is for one goroutine.
type redis struct {
	conn net.Conn
	in   *bufio.Reader
}

// startRedis starts a server that keeps nothing, and returns its socket.
func startRedis(t *testing.T) string {
	t.Helper()
	socket := testns.NewDir(t).Path("redis.sock")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-server: %v (apt-get install redis-server)", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	testns.Eventually(t, patience, "redis-server answers", func() bool {
		r, err := dial(socket)
		if err == nil {
			_, err = r.do("PING")
			_ = r.conn.Close()
		}
		return err == nil
	})
	return socket
}

func dial(socket string) (*redis, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	return &redis{conn, bufio.NewReader(conn)}, nil
}

// do sends a command and returns the answer: nil, an int64, a string or a []any.
func (r *redis) do(args ...string) (any, error) {
	text := fmt.Sprintf("*%d\r\n", len(args))
	for _, arg := range args {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(r.conn, text); err != nil {
		return nil, err
	}
	return r.read()
}

// read reads one answer (RESP2).
func (r *redis) read() (any, error) {
	line, err := r.in.ReadString('\n')
	if err != nil || len(line) < 3 {
		return nil, errors.Join(err, errors.New("no answer"))
	}
	kind, line := line[0], line[1:len(line)-2]
	if kind == '+' {
		return line, nil
	}
	if kind == '-' {
		return nil, errors.New(line)
	}
	number, err := strconv.ParseInt(line, 10, 64)
	switch {
	case err != nil || kind == ':':
		return number, err
	case number < 0:
		return nil, nil
	case kind == '$':
		text := make([]byte, number+2)
		_, err := io.ReadFull(r.in, text)
		return string(text[:number]), err
	case kind == '*':
		list := make([]any, number)
		for i := range list {
			if list[i], err = r.read(); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("an answer of kind %q", kind)
}

// entry is one of a stream: its ID, and its fields and values by turns.
type entry struct {
	id     string
	fields []string
}

// entries are those of a stream after an ID, up to a number of them.
func (r *redis) entries(stream, after string, most int) (list []entry, err error) {
	answer, err := r.do("XRANGE", stream, "("+after, "+", "COUNT", strconv.Itoa(most))
	if err != nil {
		return nil, err
	}
	for _, item := range answer.([]any) {
		pair := item.([]any)
		e := entry{id: pair[0].(string)}
		for _, field := range pair[1].([]any) {
			e.fields = append(e.fields, field.(string))
		}
		list = append(list, e)
	}
	return list, nil
}
