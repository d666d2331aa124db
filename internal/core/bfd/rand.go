package bfd

import (
	"math/bits"
	"time"
)

// rand is a pseudo-random sequence (splitmix64). It spreads packets in time; no
// secret depends on it.
type rand uint64

func (r *rand) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a duration in [0, n), 0 where that is empty.
func (r *rand) below(n time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return time.Duration(hi)
}
