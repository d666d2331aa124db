package lease

import (
	"math"
	"testing"
)

// Epochs that no run of this program reaches are refused: one more would begin again at 0.
func TestEpochsDoNotBeginAgain(t *testing.T) {
	r := Record{Epoch: math.MaxUint64, Turn: 1, Holder: "a", Session: 1, TTL: 1e9, State: Held}
	if _, err := Parse(r.Append(nil)); err == nil {
		t.Error("a record with the last epoch that there is was read")
	}
	r.Epoch = MaxEpoch
	if _, err := Parse(r.Append(nil)); err != nil {
		t.Error(err)
	}
}
