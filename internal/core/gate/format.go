package gate

import (
	"fmt"
	"time"
)

// Format is how a heartbeat is written.
type Format uint8

// The formats.
const (
	FormatAuto  Format = iota // reading only: whichever of them it is
	FormatStead               // Heartbeat
	FormatTicks               // .NET ticks of the writer's wall clock
)

// Sight returns what bytes that were read where a site writes its heartbeat show:
// a heartbeat, or that they are none, and why. Place is the caller's to set.
func (f Format) Sight(site string, b []byte) Sample {
	if f == FormatTicks || f == FormatAuto && looksLikeTicks(b) {
		return ticksSight(b)
	}
	h, err := Parse(b)
	switch {
	case err != nil:
		return Sample{Sight: Garbled, Detail: err.Error()}
	case h.Site != site:
		return Sample{Sight: Garbled, Detail: fmt.Sprintf("it is the heartbeat of %s: each site writes where its own name is", h.Site)}
	}
	return h.Sample()
}

// Sample returns the sight of a heartbeat.
func (h *Heartbeat) Sample() Sample {
	return Sample{
		Sight: Beaten, Mark: fmt.Sprintf("%x/%d", h.Session, h.Sequence),
		Order: h.Sequence, Series: h.Session, Epoch: h.Epoch, Mute: h.Mute, At: h.At,
	}
}

func ticksSight(b []byte) Sample {
	text, err := ticksText(b)
	if err != nil {
		return Sample{Sight: Garbled, Detail: err.Error()}
	}
	var at time.Time
	if at, err = ParseTicks(b); err != nil {
		return Sample{Sight: Garbled, Detail: err.Error()}
	}
	return Sample{Sight: Beaten, Mark: text, Mute: true, At: at}
}

// looksLikeTicks tells whether the first byte is one that ticks begin with.
func looksLikeTicks(b []byte) bool {
	return len(b) > 0 && (b[0] >= '0' && b[0] <= '9' || b[0] == byteOrderMark[0] || b[0] == ' ')
}
