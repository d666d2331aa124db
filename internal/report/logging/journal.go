package logging

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"
)

// journalSocket takes records in the journal's native protocol
// (systemd.io/JOURNAL_NATIVE_PROTOCOL).
const journalSocket = "/run/systemd/journal/socket"

// writeTimeout bounds one write to a socket.
const writeTimeout = 2 * time.Second

// journal sends to systemd-journald.
type journal struct {
	path string
	conn *net.UnixConn
}

func (j *journal) write(record []byte) error {
	if j.conn == nil {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: j.path, Net: "unixgram"})
		if err != nil {
			return err
		}
		j.conn = conn
	}
	if err := send(j.conn, record); err != nil {
		j.close()
		return err
	}
	return nil
}

func (j *journal) close() {
	if j.conn != nil {
		_ = j.conn.Close()
		j.conn = nil
	}
}

// encodeJournal writes the fields of a record. What a record belongs to can be
// asked for: journalctl STEAD_GROUP=web.
func encodeJournal(r *slog.Record, fields []field) []byte {
	var b bytes.Buffer
	put := func(name, value string) {
		if len(value) > longest {
			value = value[:longest]
		}
		b.WriteString(name)
		if !strings.Contains(value, "\n") {
			b.WriteString("=" + value + "\n")
			return
		}
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(value)))
		b.WriteByte('\n')
		b.Write(length[:])
		b.WriteString(value + "\n")
	}
	put("MESSAGE", line(r, fields))
	put("PRIORITY", strconv.Itoa(severity(r.Level)))
	put("SYSLOG_IDENTIFIER", "stead")
	if event := eventOf(r); event != "" {
		put("STEAD_EVENT", event)
	}
	for _, f := range fields {
		put(journalName(f.key), f.value)
	}
	return b.Bytes()
}

// journalName makes a field's name of a key: upper case, digits, underscores, at
// most 64 bytes.
func journalName(key string) string {
	name := "STEAD_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, key)
	return name[:min(len(name), 64)]
}
