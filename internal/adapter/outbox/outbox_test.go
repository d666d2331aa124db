package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

// recipient plays the other side: it fails as often as it is told to.
type recipient struct {
	start   time.Time
	fails   []error // of the coming attempts
	hold    chan struct{}
	got     []string // what each attempt that went well carried, and when
	tried   []time.Duration
	ids     []string
	results []string
}

func (r *recipient) send(ctx context.Context, items []Item[string]) error {
	r.tried = append(r.tried, time.Since(r.start))
	r.ids = append(r.ids, items[0].ID)
	if r.hold != nil {
		select {
		case <-r.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(r.fails) > 0 {
		err := r.fails[0]
		r.fails = r.fails[1:]
		if err != nil {
			return err
		}
	}
	var words []string
	for _, i := range items {
		words = append(words, i.Thing)
	}
	r.got = append(r.got, fmt.Sprintf("%v %s", time.Since(r.start).Round(time.Millisecond), strings.Join(words, "+")))
	return nil
}

func (r *recipient) report(result Result) {
	text := fmt.Sprint(result.Outcome, " ", result.Things)
	if result.Err != nil {
		text += " " + result.Err.Error()
	}
	r.results = append(r.results, text)
}

// world runs f in virtual time with a box.
func world(t *testing.T, o Options[string], f func(*Box[string], *recipient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &recipient{start: time.Now()}
		o.Send, o.Report = r.send, r.report
		b := New(o)
		f(b, r)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b.Stop(ctx)
	})
}

// pass lets time pass, and what is due then be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func check(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestFirstAttemptIsMadeAtOnceAndInOrder(t *testing.T) {
	world(t, Options[string]{Retry: time.Minute}, func(b *Box[string], r *recipient) {
		b.Put("a")
		b.Put("b")
		synctest.Wait()
		check(t, "got", r.got, []string{"0s a", "0s b"})
		check(t, "results", r.results, []string{"sent 1", "sent 1"})
		if c := b.Counts(); c != (Counts{Sent: 2}) {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestRetriesWithTheSameIDAndGrowingPauses(t *testing.T) {
	world(t, Options[string]{Retry: time.Hour}, func(b *Box[string], r *recipient) {
		for range 12 {
			r.fails = append(r.fails, errAway)
		}
		b.Put("a")
		b.Put("b")
		pass(30 * time.Minute)
		if len(r.got) != 2 || !strings.HasSuffix(r.got[0], " a") || !strings.HasSuffix(r.got[1], " b") {
			t.Errorf("got %q", r.got)
		}
		if first := slices.Compact(slices.Clone(r.ids)); len(first) != 2 || len(r.ids) != 14 {
			t.Errorf("identities %q", r.ids)
		}
		for i := 1; i <= 12; i++ {
			middle := min(200*time.Millisecond<<(i-1), 30*time.Second)
			if pause := r.tried[i] - r.tried[i-1]; pause < middle/2 || pause > middle*3/2 {
				t.Errorf("pause %d is %v, want about %v", i, pause, middle)
			}
		}
		check(t, "results", r.results, []string{"trying 1 connection refused", "sent 1", "sent 1"})
	})
}

func TestPermanentErrorIsNotTriedAgain(t *testing.T) {
	world(t, Options[string]{Retry: time.Hour}, func(b *Box[string], r *recipient) {
		r.fails = []error{fmt.Errorf("post: %w", Permanent(errors.New("400 Bad Request")))}
		b.Put("a")
		b.Put("b")
		synctest.Wait()
		check(t, "got", r.got, []string{"0s b"})
		check(t, "results", r.results, []string{"failed 1 post: 400 Bad Request", "sent 1"})
		if c := b.Counts(); c.Failed != 1 || c.Sent != 1 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestPatienceIsCountedFromTheChange(t *testing.T) {
	world(t, Options[string]{Retry: time.Minute}, func(b *Box[string], r *recipient) {
		for range 1000 {
			r.fails = append(r.fails, errAway)
		}
		b.Put("a")
		b.Put("b")
		pass(3 * time.Minute)
		// What waited behind the first one as long is tried once, not for another minute.
		if c := b.Counts(); c.Failed != 2 || c.Waiting != 0 || c.LastError != "connection refused" {
			t.Errorf("counts %+v", c)
		}
		if last := r.tried[len(r.tried)-1]; last < time.Minute || last > 150*time.Second {
			t.Errorf("tried last at %v", last)
		}
		r.fails = nil
		b.Put("c")
		synctest.Wait()
		check(t, "got", r.got, []string{"3m0s c"})
	})
}

func TestRecipientSaysWhenToComeAgain(t *testing.T) {
	world(t, Options[string]{Retry: time.Hour}, func(b *Box[string], r *recipient) {
		r.fails = []error{Later(errAway, 77*time.Second)}
		b.Put("a")
		pass(2 * time.Minute)
		check(t, "got", r.got, []string{"1m17s a"})
	})
}

func TestFullBoxDropsTheOldest(t *testing.T) {
	world(t, Options[string]{Retry: time.Hour, Limit: 3}, func(b *Box[string], r *recipient) {
		r.hold = make(chan struct{})
		b.Put("a")
		synctest.Wait() // a is on its way
		for _, thing := range []string{"b", "c", "d", "e"} {
			b.Put(thing)
		}
		close(r.hold)
		synctest.Wait()
		check(t, "got", r.got, []string{"0s a", "0s d", "0s e"})
		check(t, "results", r.results, []string{"dropped 1", "dropped 1", "sent 1", "sent 1", "sent 1"})
		if c := b.Counts(); c.Dropped != 2 || c.Sent != 3 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestGatherPutsTogether(t *testing.T) {
	o := Options[string]{Retry: time.Hour, Batch: 3, Gather: 2 * time.Second, PerMinute: 2}
	world(t, o, func(b *Box[string], r *recipient) {
		for _, thing := range strings.Fields("a b c d") {
			b.Put(thing)
			pass(900 * time.Millisecond)
		}
		pass(6 * time.Second)
		b.Put("e")
		pass(time.Minute)
		b.Put("f")
		pass(time.Minute)
		// The third has to wait until the first is a minute old.
		check(t, "got", r.got, []string{"2s a+b+c", "4.7s d", "1m2s e", "1m11.6s f"})
	})
}

func TestAttemptsCarryTheSameBatch(t *testing.T) {
	o := Options[string]{Retry: time.Hour, Batch: 9, Gather: time.Second, First: time.Minute}
	world(t, o, func(b *Box[string], r *recipient) {
		r.fails = []error{errAway}
		b.Put("a")
		b.Put("b")
		pass(2 * time.Second)
		b.Put("c")
		pass(10 * time.Minute)
		if len(r.got) != 2 || !strings.HasSuffix(r.got[0], " a+b") || !strings.HasSuffix(r.got[1], " c") || r.ids[0] != r.ids[1] {
			t.Errorf("got %q", r.got)
		}
	})
}

func TestStopTriesWithoutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recipient{start: time.Now(), fails: []error{errAway, errAway, errAway, errAway}}
		b := New(Options[string]{Retry: time.Hour, First: time.Hour, Most: time.Hour, Batch: 9, Gather: time.Hour, Send: r.send, Report: r.report})
		b.Put("a")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		b.Stop(ctx)
		check(t, "got", r.got, []string{"400ms a"})
		b.Put("late")
		if c := b.Counts(); c != (Counts{Sent: 1}) {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestStopDuringAPauseTriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recipient{start: time.Now(), fails: []error{errAway}}
		b := New(Options[string]{Retry: 9 * time.Hour, First: time.Hour, Most: time.Hour, Send: r.send, Report: r.report})
		b.Put("a")
		pass(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		b.Stop(ctx)
		check(t, "got", r.got, []string{"1m0.1s a"})
	})
}

func TestStopSaysWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recipient{start: time.Now(), hold: make(chan struct{})}
		b := New(Options[string]{Retry: time.Hour, Send: r.send, Report: r.report})
		b.Put("a")
		b.Put("b")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		b.Stop(ctx)
		if took := time.Since(r.start); took != 2*time.Second {
			t.Errorf("Stop took %v", took)
		}
		if c := b.Counts(); c.Lost != 2 || c.Sent != 0 || len(r.results) == 0 || !strings.HasPrefix(r.results[len(r.results)-1], "lost 2 ") {
			t.Errorf("counts %+v, results %q", c, r.results)
		}
	})
}
