package logging

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// defaultSyslog is the socket of the machine's own syslog daemon.
const defaultSyslog = "/dev/log"

// facility is that of system daemons (RFC 5424 section 6.2.1).
const facility = 3

// structuredID names the structured data. Stead has no enterprise number of its
// own; this one is for examples (RFC 5612), and no other software claims it.
const structuredID = "stead@32473"

// syslog sends to a syslog server. Over the network it speaks RFC 5424: UDP (RFC
// 5426), or TCP with the length before each record (RFC 6587). On the machine's
// own socket it writes what the C library's syslog writes: the daemons behind
// /dev/log, journald and rsyslog in their default configuration, take nothing
// newer apart.
type syslog struct {
	network, address string
	local            bool
	host             string
	conn             net.Conn
}

func newSyslog(where string) (*syslog, error) {
	where = cmp.Or(where, defaultSyslog)
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	if strings.HasPrefix(where, "/") {
		return &syslog{network: "unixgram", address: where, local: true, host: host}, nil
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "udp" && u.Scheme != "tcp" || u.Port() == "" {
		return nil, fmt.Errorf("syslog %q: not a socket's path, udp://host:port or tcp://host:port", where)
	}
	return &syslog{network: u.Scheme, address: u.Host, host: host}, nil
}

func (s *syslog) write(record []byte) error {
	if s.conn == nil {
		conn, err := s.dial()
		if err != nil {
			return err
		}
		s.conn = conn
	}
	switch s.conn.RemoteAddr().Network() {
	case "tcp":
		record = append([]byte(strconv.Itoa(len(record))+" "), record...)
	case "unix":
		record = append(record[:len(record):len(record)], '\n')
	}
	if err := send(s.conn, record); err != nil {
		s.close()
		return err
	}
	return nil
}

// dial connects. Some daemons have a stream behind the socket of the machine.
func (s *syslog) dial() (net.Conn, error) {
	conn, err := net.DialTimeout(s.network, s.address, writeTimeout)
	if s.local && errors.Is(err, syscall.EPROTOTYPE) {
		return net.DialTimeout("unix", s.address, writeTimeout)
	}
	return conn, err
}

func (s *syslog) close() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

func send(conn net.Conn, record []byte) error {
	if err := conn.SetWriteDeadline(now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := conn.Write(record)
	return err
}

// encoder returns what writes records as the server takes them.
func (s *syslog) encoder(asJSON bool) func(*slog.Record, []field) []byte {
	text := line
	if asJSON {
		text = object
	}
	if s.local {
		return func(r *slog.Record, fields []field) []byte {
			return cut(fmt.Appendf(nil, "<%d>%s stead[%d]: %s", facility*8+severity(r.Level), r.Time.Format(time.Stamp), os.Getpid(), text(r, fields)))
		}
	}
	return func(r *slog.Record, fields []field) []byte {
		if !asJSON {
			return cut(s.encode(r, fields, line(r, nil)))
		}
		return cut(s.encode(r, nil, object(r, fields)))
	}
}

// encode writes a record of RFC 5424 section 6.
func (s *syslog) encode(r *slog.Record, fields []field, text string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s stead %d %s ", facility*8+severity(r.Level),
		r.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), cmp.Or(visible(s.host, 255), "-"), os.Getpid(), cmp.Or(eventOf(r), "-"))
	if len(fields) == 0 {
		b.WriteString("-")
	} else {
		b.WriteString("[" + structuredID)
		for _, f := range fields {
			fmt.Fprintf(&b, ` %s="%s"`, visible(f.key, 32), parameter.Replace(oneLine(f.value)))
		}
		b.WriteString("]")
	}
	b.WriteString(" ")
	if !ascii(text) {
		b.WriteString("\ufeff") // section 6.4: what follows is UTF-8
	}
	b.WriteString(text)
	return b.Bytes()
}

// parameter escapes what would end a value (section 6.3.3).
var parameter = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// visible keeps what names may be made of (sections 6.2.4 and 6.3.3).
func visible(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || r == '=' || r == ']' || r == '"' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), limit)]
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0
}

func cut(record []byte) []byte { return record[:min(len(record), longest)] }
