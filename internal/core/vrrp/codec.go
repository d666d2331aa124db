package vrrp

import (
	"net/netip"
	"time"
)

// Codec makes and reads the advertisements of one virtual router. It belongs to
// one Router and, like it, is used by one thread at a time.
type Codec struct {
	cfg      *Config
	counters Counters
	ad       Advertisement
	wall     time.Duration
}

// NewCodec returns the Codec of a virtual router.
func NewCodec(cfg *Config) *Codec { return &Codec{cfg: cfg} }

// SetWall tells what is to be added to an Instant to have the time since 1970.
func (c *Codec) SetWall(offset time.Duration) { c.wall = offset }

// Counters returns what was counted.
func (c *Codec) Counters() Counters { return c.counters }

// Append appends an advertisement.
func (c *Codec) Append(b []byte, now Instant, from, to netip.Addr, priority uint8, interval time.Duration) []byte {
	return b
}

// Decode examines a packet.
func (c *Codec) Decode(now Instant, p *Packet) (*Advertisement, Refusal) {
	c.counters.Packets[BadLength]++
	return nil, BadLength
}

// Inherit takes over what the Codec before a reload has learned and counted.
func (c *Codec) Inherit(old *Codec) { c.counters = old.counters }
