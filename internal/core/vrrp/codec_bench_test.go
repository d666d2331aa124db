package vrrp

import (
	"testing"
	"time"
)

// Neither sending nor receiving allocates, whatever the kind of the virtual router, and
// also for packets that are refused.
func TestCodecAllocatesNothing(t *testing.T) {
	for _, cfg := range kinds() {
		from, to := between(&cfg)
		sender, receiver := NewCodec(&cfg), NewCodec(&cfg)
		buf := make([]byte, 0, MaxMessage)
		p := &Packet{Source: from, Destination: to, TTL: TTL}
		var now Instant
		accepted := uint64(0)
		n := testing.AllocsPerRun(100, func() {
			now = now.Add(time.Millisecond)
			p.Bytes = sender.Append(buf[:0], now, from, to, 100, cfg.Interval)
			if _, refusal := receiver.Decode(now, p); refusal == Accepted {
				accepted++
			}
			receiver.Decode(now, p)
			p.Bytes[len(p.Bytes)-1] ^= 1
			receiver.Decode(now, p)
		})
		if n != 0 || accepted != 101 {
			t.Errorf("version %d, family %d, authentication %d: %v allocations, %d accepted", cfg.Version, cfg.Family(), cfg.Auth.Type, n, accepted)
		}
	}
}

func benchmark(b *testing.B, f func(b *testing.B, cfg Config)) {
	b.Run("ipv4", func(b *testing.B) { f(b, v3()) })
	b.Run("ipv6", func(b *testing.B) { f(b, v3ipv6()) })
	b.Run("hmac", func(b *testing.B) { f(b, v3hmac(key(1, 0))) })
}

func BenchmarkAppend(b *testing.B) {
	benchmark(b, func(b *testing.B, cfg Config) {
		b.ReportAllocs()
		from, to := between(&cfg)
		codec, buf, now := NewCodec(&cfg), make([]byte, 0, MaxMessage), Instant(0)
		for b.Loop() {
			now += Instant(time.Millisecond)
			buf = codec.Append(buf[:0], now, from, to, 100, time.Second)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchmark(b, func(b *testing.B, cfg Config) {
		b.ReportAllocs()
		from, to := between(&cfg)
		sender, receiver := NewCodec(&cfg), NewCodec(&cfg)
		p := &Packet{Source: from, Destination: to, TTL: TTL, Bytes: sender.Append(nil, 0, from, to, 100, time.Second)}
		for b.Loop() {
			clear(receiver.replay.senders)
			if _, refusal := receiver.Decode(0, p); refusal != Accepted {
				b.Fatal(refusal)
			}
		}
	})
}
