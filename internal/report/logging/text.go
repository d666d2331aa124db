package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"

	"stead/internal/report"
)

// longest is how many bytes of a record are sent: what every syslog server takes.
const longest = 8192

// severity is that of syslog (RFC 5424 section 6.2.1), which journald has too.
func severity(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	default:
		return 7
	}
}

// eventOf is the kind of event that a record tells of, or nothing.
func eventOf(r *slog.Record) string {
	for i := range report.Kinds {
		if string(report.Kinds[i].Kind) == r.Message {
			return r.Message
		}
	}
	return ""
}

// line is a record as people read it: the message and then what belongs to it.
func line(r *slog.Record, fields []field) string {
	var b strings.Builder
	b.WriteString(oneLine(r.Message))
	for _, f := range fields {
		b.WriteString(" " + f.key + "=")
		if value := oneLine(f.value); value == "" || strings.ContainsAny(value, " \"=") {
			b.WriteString(strconv.Quote(value))
		} else {
			b.WriteString(value)
		}
	}
	return b.String()
}

func oneLine(text string) string { return report.Printable(text, 2048) }

// object is a record as JSON, with the keys of the log to standard error.
func object(r *slog.Record, fields []field) string {
	var b bytes.Buffer
	put := func(separator, key, value string) {
		k, _ := json.Marshal(key)
		v, _ := json.Marshal(value)
		b.WriteString(separator)
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	put("{", "level", r.Level.String())
	put(",", "msg", r.Message)
	for _, f := range fields {
		put(",", f.key, f.value)
	}
	b.WriteByte('}')
	return b.String()
}
