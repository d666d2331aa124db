package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stead/internal/core/lease"
)

// Heartbeat is what a site writes for the other one to see.
type Heartbeat struct {
	Site     string        // as lease.ValidName has it
	Session  uint64        // of the writer's run, random
	Sequence uint64        // grows with each heartbeat of a run
	Epoch    uint64        // of the right to run that the site has; 0: none
	Mute     bool          // the writer does not know of a right: the workload may run
	Age      time.Duration // of the writer's run by its own clock, whole milliseconds
	At       time.Time     // the writer's wall clock: for people only, whole milliseconds; zero: not told
}

// MaxHeartbeat is how long the text of a heartbeat is at most, in bytes.
const MaxHeartbeat = 256

const (
	heartbeatVersion = "1"
	sumDigits        = 16 // the first 64 bits of SHA-256
	wallFormat       = "2006-01-02T15:04:05.000Z"
	notTold          = "-"
)

// heartbeatFields are the names of the fields, in order.
var heartbeatFields = [...]string{"stead-heartbeat", "site", "session", "sequence", "epoch", "age", "at", "sum"}

// Append appends the text of a heartbeat: one line of fields, divided by a space,
// that ends with a checksum of the rest. The same heartbeat has the same text.
func (h *Heartbeat) Append(b []byte) []byte {
	start := len(b)
	b = append(b, "stead-heartbeat="+heartbeatVersion+" site="...)
	b = append(b, h.Site...)
	b = append(b, " session="...)
	b = strconv.AppendUint(b, h.Session, 16)
	b = append(b, " sequence="...)
	b = strconv.AppendUint(b, h.Sequence, 10)
	b = append(b, " epoch="...)
	if h.Mute {
		b = append(b, notTold...)
	} else {
		b = strconv.AppendUint(b, h.Epoch, 10)
	}
	b = append(b, " age="...)
	b = strconv.AppendInt(b, h.Age.Milliseconds(), 10)
	b = append(b, " at="...)
	if h.At.IsZero() {
		b = append(b, notTold...)
	} else {
		b = h.At.UTC().AppendFormat(b, wallFormat)
	}
	sum := checksum(b[start:])
	b = append(b, " sum="...)
	b = append(b, sum...)
	return append(b, '\n')
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:sumDigits/2])
}

// Parse reads a heartbeat. It accepts what Append writes and nothing else; the
// error says what is wrong.
func Parse(b []byte) (Heartbeat, error) {
	text := string(b)
	words := strings.Split(strings.TrimSuffix(text, "\n"), " ")
	version, ours := strings.CutPrefix(words[0], heartbeatFields[0]+"=")
	switch {
	case len(b) == 0:
		return Heartbeat{}, errors.New("it is empty")
	case len(b) > MaxHeartbeat:
		return Heartbeat{}, fmt.Errorf("it has %d bytes or more: a heartbeat has at most %d", len(b), MaxHeartbeat)
	case ours && version != heartbeatVersion && len(words) > 1:
		return Heartbeat{}, fmt.Errorf("it has version %q: this program knows %s", version, heartbeatVersion)
	case strings.HasPrefix(heartbeatFields[0], text), ours && !strings.HasSuffix(text, "\n"):
		return Heartbeat{}, fmt.Errorf("it is torn: it ends after %d bytes", len(b))
	case !ours:
		return Heartbeat{}, fmt.Errorf("it begins with %.20q: that is no heartbeat", text)
	case len(words) != len(heartbeatFields):
		return Heartbeat{}, fmt.Errorf("it has %d words: a heartbeat has %d", len(words), len(heartbeatFields))
	}
	rest := text[:strings.LastIndexByte(text, ' ')]
	if words[len(words)-1] != "sum="+checksum([]byte(rest)) {
		return Heartbeat{}, errors.New("its checksum is wrong: it is torn or damaged")
	}
	var h Heartbeat
	for i, w := range words[1 : len(words)-1] {
		name, value, _ := strings.Cut(w, "=")
		if name != heartbeatFields[i+1] {
			return Heartbeat{}, fmt.Errorf("word %d is %q: %s=… was expected", i+2, w, heartbeatFields[i+1])
		}
		if err := h.set(name, value); err != nil {
			return Heartbeat{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if string(h.Append(nil)) != text {
		return Heartbeat{}, errors.New("a value is not written as heartbeats have it")
	}
	return h, nil
}

func (h *Heartbeat) set(name, value string) (err error) {
	switch name {
	case "site":
		if h.Site = value; !lease.ValidName(value) {
			err = fmt.Errorf("%q is no name", value)
		}
	case "session":
		h.Session, err = strconv.ParseUint(value, 16, 64)
	case "sequence":
		h.Sequence, err = strconv.ParseUint(value, 10, 64)
	case "epoch":
		if h.Mute = value == notTold; !h.Mute {
			if h.Epoch, err = strconv.ParseUint(value, 10, 64); err == nil && h.Epoch > lease.MaxEpoch {
				err = fmt.Errorf("%d: nobody counts that far", h.Epoch)
			}
		}
	case "age":
		var ms int64
		if ms, err = strconv.ParseInt(value, 10, 64); err == nil && (ms < 0 || ms > int64(maxAge/time.Millisecond)) {
			err = fmt.Errorf("%d ms is no age", ms)
		}
		h.Age = time.Duration(ms) * time.Millisecond
	case "at":
		if value != notTold {
			h.At, err = time.Parse(wallFormat, value)
		}
	}
	return err
}

// maxAge is longer than any machine runs.
const maxAge = 200 * 365 * 24 * time.Hour
