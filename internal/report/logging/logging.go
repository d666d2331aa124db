// Package logging takes the daemon's log to where it is collected: standard
// error, journald or a syslog server.
//
// Whoever logs never waits for the reader of the log: a record is encoded, put
// into a bounded queue and written by a goroutine of its own. A target that does
// not keep up, or is away, loses the oldest records; how many is counted, and
// said in their place.
package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"stead/internal/config"
)

// Log is an open log. Its Logger may be used by any goroutine.
type Log struct {
	*slog.Logger
	sink *sink
}

// Open opens the log of a configuration. What is empty there is as by default:
// to standard error, as text, from info on. A target that is away is no error:
// it is tried again.
func Open(cfg config.Log) (*Log, error) { return open(cfg, os.Stderr) }

func open(cfg config.Log, stderr io.Writer) (*Log, error) {
	var level slog.Level
	if cfg.Level != "" {
		if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
			return nil, fmt.Errorf("log level %q: not one of debug, info, warn, error", cfg.Level)
		}
	}
	t, err := targetOf(&cfg, stderr)
	if err != nil {
		return nil, err
	}
	s := newSink(t)
	logger := slog.New(handler{handlerOf(&cfg, s, t, level), s})
	var record bytes.Buffer
	missing := slog.New(handlerOf(&cfg, &record, t, level))
	s.lost = func(n uint64) []byte {
		record.Reset()
		missing.Warn("log records were dropped", "records", n)
		return record.Bytes()
	}
	if cfg.Target == config.LogJournald || cfg.Target == config.LogSyslog {
		s.problem = func(err error) {
			fmt.Fprintf(stderr, "stead: log to %s: %v; the last %d records are kept, and it is tried again\n", cfg.Target, err, kept)
		}
	}
	go s.run()
	return &Log{Logger: logger, sink: s}, nil
}

func targetOf(cfg *config.Log, stderr io.Writer) (target, error) {
	switch cfg.Target {
	case "", config.LogStderr:
		return stream{stderr}, nil
	case config.LogJournald:
		return &journal{path: journalSocket}, nil
	case config.LogSyslog:
		return newSyslog(cfg.Syslog)
	}
	return nil, fmt.Errorf("log target %q: not one of stderr, journald, syslog", cfg.Target)
}

func handlerOf(cfg *config.Log, out io.Writer, t target, level slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	switch t := t.(type) {
	case *journal:
		return &fields{level: level, out: out, encode: encodeJournal}
	case *syslog:
		return &fields{level: level, out: out, encode: t.encoder(cfg.Format == "json")}
	}
	if cfg.Format == "json" {
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}

// Close writes what waits, within the time that is given.
func (l *Log) Close(patience time.Duration) { l.sink.Close(patience) }

// handler is the handler of a target that tells how many records were dropped.
type handler struct {
	slog.Handler
	sink *sink
}

// Dropped is how many records were lost so far.
func (h handler) Dropped() uint64 { return h.sink.Dropped() }

// Dropped is how many records a logger has lost: 0 for one that is not of this package.
func Dropped(l *slog.Logger) uint64 {
	if h, ok := l.Handler().(handler); ok {
		return h.Dropped()
	}
	return 0
}

// stream is standard error.
type stream struct{ io.Writer }

func (s stream) write(record []byte) error {
	_, err := s.Write(record)
	return err
}

func (stream) close() {}

// field is one attribute of a record, flattened.
type field struct{ key, value string }

// fields is a slog.Handler for targets that want to have each attribute by itself.
type fields struct {
	level  slog.Level
	out    io.Writer
	prefix string
	with   []field
	encode func(r *slog.Record, fields []field) []byte
}

// Enabled implements slog.Handler.
func (h *fields) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle implements slog.Handler.
func (h *fields) Handle(_ context.Context, r slog.Record) error {
	all := append([]field(nil), h.with...)
	r.Attrs(func(a slog.Attr) bool {
		all = flatten(all, h.prefix, a)
		return true
	})
	_, err := h.out.Write(h.encode(&r, all))
	return err
}

// WithAttrs implements slog.Handler.
func (h *fields) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *h
	more.with = append([]field(nil), h.with...)
	for _, a := range attrs {
		more.with = flatten(more.with, h.prefix, a)
	}
	return &more
}

// WithGroup implements slog.Handler.
func (h *fields) WithGroup(name string) slog.Handler {
	more := *h
	if name != "" {
		more.prefix += name + "."
	}
	return &more
}

func flatten(all []field, prefix string, a slog.Attr) []field {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range value.Group() {
			all = flatten(all, prefix, inner)
		}
		return all
	}
	if a.Key == "" {
		return all
	}
	return append(all, field{prefix + a.Key, value.String()})
}
