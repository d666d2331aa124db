package broker

import (
	"fmt"
	"os"
	"time"
)

// The streams and keys.
const (
	source = "events" // what the producer appends to
	result = "results"
	fence  = "fence"    // the highest epoch that has written
	place  = "position" // of the source, up to which there are results
)

// What apply answers.
const (
	applied int64 = 1
	known   int64 = 0
	refused int64 = -1
)

// apply writes a result, moves the position and raises the fence, all at once or
// nothing. KEYS: fence, place, result. ARGV: epoch, site, source ID.
const apply = `
local highest = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) < highest then return -1 end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[3] == '' then return 0 end
local ms, n = string.match(ARGV[3], '(%d+)-(%d+)')
local oldms, oldn = string.match(redis.call('GET', KEYS[2]) or '0-0', '(%d+)-(%d+)')
ms, n, oldms, oldn = tonumber(ms), tonumber(n), tonumber(oldms), tonumber(oldn)
if ms < oldms or ms == oldms and n <= oldn then return 0 end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('XADD', KEYS[3], '*', 'epoch', ARGV[1], 'site', ARGV[2], 'event', ARGV[3])
return 1`

// apply runs the script. An empty event raises the fence alone.
func (r *redis) apply(epoch, site, event string) (int64, error) {
	answer, err := r.do("EVAL", apply, "3", fence, place, result, epoch, site, event)
	if err != nil {
		return 0, err
	}
	return answer.(int64), nil
}

// position is up to where there are results.
func (r *redis) position() (string, error) {
	answer, err := r.do("GET", place)
	if err != nil || answer == nil {
		return "0-0", err
	}
	return answer.(string), nil
}

// work is the workload of a site: it processes events until it is killed, or
// refused. It fences off those before it first.
func work(socket string) error {
	epoch, site := os.Getenv("STEAD_EPOCH"), os.Getenv("STEAD_BROKER_SITE")
	r, err := dial(socket)
	if err != nil {
		return err
	}
	if outcome, err := r.apply(epoch, site, ""); err != nil || outcome == refused {
		return fmt.Errorf("raise the fence to %s: %d, %w", epoch, outcome, err)
	}
	at, err := r.position()
	for err == nil {
		var list []entry
		if list, err = r.entries(source, at, 50); err != nil {
			break
		}
		for _, e := range list {
			outcome, err := r.apply(epoch, site, e.id)
			if err != nil || outcome == refused {
				return fmt.Errorf("epoch %s: event %s: %d, %w", epoch, e.id, outcome, err)
			}
			at = e.id
		}
		if len(list) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return err
}
