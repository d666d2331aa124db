package lease

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxRecord is how long a record is at most, in bytes.
const MaxRecord = 200

// MaxEpoch is the highest epoch that is believed: beyond it numbers would run over, and
// programs that read JSON would round them.
const MaxEpoch = 1 << 53

// maxName is how long the name of a holder may be: two of them fit a record, and
// a record fits the name of a file.
const maxName = 32

// ValidName tells whether a holder can have this name: letters, digits, '.', '_'
// and '-', 1 to 32 of them.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// String returns the word that records use.
func (s State) String() string {
	switch s {
	case Held:
		return "held"
	case Parked:
		return "parked"
	case Free:
		return "free"
	case Made:
		return "made"
	}
	return "none"
}

// Append appends the text of a record to b: fields in this order, divided by a
// space, the same text for the same record.
func (r *Record) Append(b []byte) []byte {
	b = append(b, "stead=1 epoch="...)
	b = strconv.AppendUint(b, r.Epoch, 10)
	b = append(b, " turn="...)
	b = strconv.AppendUint(b, r.Turn, 10)
	b = append(b, " state="...)
	b = append(b, r.State.String()...)
	b = append(b, " holder="...)
	b = append(b, r.Holder...)
	b = append(b, " session="...)
	b = strconv.AppendUint(b, r.Session, 16)
	b = append(b, " ttl="...)
	b = strconv.AppendInt(b, r.TTL.Milliseconds(), 10)
	b = append(b, " priority="...)
	b = strconv.AppendInt(b, int64(r.Priority), 10)
	if r.To != "" {
		b = append(b, " to="...)
		b = append(b, r.To...)
	}
	return b
}

// recordFields are the names of a record's fields, in order. The last may be missing.
var recordFields = [...]string{"stead", "epoch", "turn", "state", "holder", "session", "ttl", "priority", "to"}

// Parse reads a record. It accepts what Append writes and nothing else; the error
// says what is wrong.
func Parse(b []byte) (Record, error) {
	if len(b) == 0 {
		return Record{}, errors.New("it is empty")
	}
	if len(b) > MaxRecord {
		return Record{}, fmt.Errorf("it has %d bytes: a record has at most %d", len(b), MaxRecord)
	}
	words := strings.Split(string(b), " ")
	if len(words) > len(recordFields) || len(words) < len(recordFields)-1 {
		return Record{}, fmt.Errorf("it has %d words: a record has 8 or 9", len(words))
	}
	var r Record
	for i, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok || name != recordFields[i] {
			return Record{}, fmt.Errorf("word %d is %q: %s=… was expected", i+1, w, recordFields[i])
		}
		if err := r.set(i, value); err != nil {
			return Record{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if string(r.Append(nil)) != string(b) {
		return Record{}, errors.New("a number is not written in its shortest form")
	}
	return r, nil
}

func (r *Record) set(field int, value string) (err error) {
	switch recordFields[field] {
	case "stead":
		if value != "1" {
			err = fmt.Errorf("version %q: this program knows 1", value)
		}
	case "epoch":
		if r.Epoch, err = number(value, 10); err == nil && r.Epoch > MaxEpoch {
			err = fmt.Errorf("%d: nobody counts that far", r.Epoch)
		}
	case "turn":
		r.Turn, err = number(value, 10)
	case "state":
		r.State, err = stateOf(value)
	case "holder":
		r.Holder, err = nameOf(value)
	case "session":
		r.Session, err = number(value, 16)
	case "ttl":
		var ms uint64
		if ms, err = number(value, 10); err == nil && (ms == 0 || ms > uint64(maxTTL/time.Millisecond)) {
			err = fmt.Errorf("%d ms: 1 ms to %v was expected", ms, maxTTL)
		}
		r.TTL = time.Duration(ms) * time.Millisecond
	case "priority":
		var p uint64
		if p, err = number(value, 10); err == nil && p > 255 {
			err = fmt.Errorf("%d: 0 to 255 was expected", p)
		}
		r.Priority = int(p)
	case "to":
		r.To, err = nameOf(value)
	}
	return err
}

// maxTTL is the longest time for which a holder can ask others to wait.
const maxTTL = 24 * time.Hour

func number(text string, base int) (uint64, error) {
	n, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return n, nil
}

func nameOf(text string) (string, error) {
	if !ValidName(text) {
		return "", fmt.Errorf("%q is no name", text)
	}
	return text, nil
}

func stateOf(text string) (State, error) {
	for _, s := range []State{Held, Parked, Free, Made} {
		if text == s.String() {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q: held, parked, free or made was expected", text)
}
