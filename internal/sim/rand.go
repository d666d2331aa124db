package sim

import (
	"math/bits"
	"time"
)

// random is a generator of pseudo-random numbers (xoshiro256**) that is part of
// the world: the same seed gives the same numbers on every machine and with
// every version of Go.
type random struct{ s [4]uint64 }

func newRandom(seed uint64) *random {
	r := new(random)
	for i := range r.s {
		// splitmix64, as the authors of xoshiro advise for seeding.
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		r.s[i] = z ^ z>>31
	}
	return r
}

func (r *random) uint64() uint64 {
	s := &r.s
	out := bits.RotateLeft64(s[1]*5, 7) * 9
	t := s[1] << 17
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft64(s[3], 45)
	return out
}

// fork returns a generator of its own, so that one part of the world drawing
// more numbers does not change what another part draws.
func (r *random) fork() *random { return newRandom(r.uint64()) }

// intn returns a number from 0 to n-1.
func (r *random) intn(n int) int {
	if n <= 1 {
		return 0
	}
	hi, _ := bits.Mul64(r.uint64(), uint64(n))
	return int(hi)
}

// between returns a number from lo to hi, both included.
func (r *random) between(lo, hi int) int { return lo + r.intn(hi-lo+1) }

// chance is true once in n times.
func (r *random) chance(n int) bool { return r.intn(n) == 0 }

// permille is true p times of a thousand.
func (r *random) permille(p int) bool { return p > 0 && r.intn(1000) < p }

// duration returns a length from lo to hi.
func (r *random) duration(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(r.uint64()%uint64(hi-lo+1))
}

// bytes fills b.
func (r *random) bytes(b []byte) {
	for i := range b {
		b[i] = byte(r.uint64())
	}
}
