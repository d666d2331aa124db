package workload

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"stead/internal/core/clock"
)

// lineTime is ISO 8601 with a comma and nanoseconds, as `date --iso-8601=ns` writes it.
const lineTime = "2006-01-02T15:04:05,000000000-07:00"

// AppendLine appends the trial's line of a sample: when it was asked, + and the
// server that answered, or - and nothing.
//
//	2022-01-17T11:20:16,386997761+00:00 + PRI
//	2022-01-17T11:20:16,486997761+00:00 -
//
// A line ends with the field of the server: that of a loss is empty and has its
// space before it.
func AppendLine(b []byte, asked time.Time, s *Sample) []byte {
	b = asked.AppendFormat(b, lineTime)
	if !s.Answered() {
		return append(b, " - \n"...)
	}
	b = append(b, " + "...)
	// A server is free in what it says: a line break would make two lines of one.
	b = append(b, strings.Map(printable, s.ID)...)
	return append(b, '\n')
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

// PrintLines writes the line of each sample, in the order of the requests, as
// soon as it is answered or its timeout has passed, until ctx ends; then it
// writes those that are left. Call it while Run runs, and end ctx after it.
func (p *Pinger) PrintLines(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	wall := WallTime(0) // of boot: one line's distance from the next is exact
	printed := 0
	var line []byte
	for {
		ended := ctx.Err() != nil
		settled := Now().Add(-p.opt.Timeout)
		for _, s := range p.hist.since(printed) {
			if !ended && !s.Answered() && s.Sent > settled {
				break
			}
			line = AppendLine(line[:0], wall.Add(s.Sent.Sub(clock.Instant(0))), &s)
			if _, err := out.Write(line); err != nil {
				return err
			}
			printed++
		}
		if err := out.Flush(); err != nil || ended {
			return err
		}
		pause(ctx, 10*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
