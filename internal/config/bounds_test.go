package config

import (
	"testing"

	"stead/internal/core"
)

// TestBoundsAgree: the loader accepts as many nodes as the core can hold.
func TestBoundsAgree(t *testing.T) {
	if MaxNodes != core.MaxNodes {
		t.Errorf("config has %d nodes at most, core %d", MaxNodes, core.MaxNodes)
	}
}
