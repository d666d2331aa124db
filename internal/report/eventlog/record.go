package eventlog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// RecordLimit is the size in bytes at which Record starts a new file.
// The one before is kept beside it with ".1" at its end.
const RecordLimit = 16 << 20

// Record appends every event from now on to the file at path, one JSON object a
// line, until ctx ends. It reads the log as any other reader does: a slow or
// full disk costs lines in the file (the file says how many) and nothing else.
func Record(ctx context.Context, log *Log, path string) error {
	return record(ctx, log.FollowNew(), path, RecordLimit)
}

func record(ctx context.Context, cursor *Cursor, path string, limit int64) error {
	for {
		switch err := recordOne(ctx, cursor, path, limit); {
		case errors.Is(err, errFull):
			if err := os.Rename(path, path+".1"); err != nil {
				return fmt.Errorf("start a new event file: %w", err)
			}
		case ctx.Err() != nil:
			return nil
		default:
			return err
		}
	}
}

var errFull = errors.New("event file has reached its limit")

func recordOne(ctx context.Context, cursor *Cursor, path string, limit int64) (err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("open the event file: %w", err)
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	for {
		if size, err := f.Seek(0, io.SeekEnd); err != nil {
			return fmt.Errorf("write to the event file: %w", err)
		} else if size >= limit {
			return errFull
		}
		events, err := cursor.Next(ctx)
		if err != nil {
			return err
		}
		w := bufio.NewWriter(f)
		enc := json.NewEncoder(w)
		for _, e := range events {
			if err := enc.Encode(e); err != nil {
				return fmt.Errorf("write to the event file: %w", err)
			}
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write to the event file: %w", err)
		}
	}
}
