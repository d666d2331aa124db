package keepalived

import "stead/internal/importer/draft"

// Finding is a directive that was not converted word by word.
type Finding = draft.Finding

// Kind is what a Finding means for the one who reads it.
type Kind = draft.Kind

// The kinds of Finding.
const (
	Lost     = draft.Lost
	Changed  = draft.Changed
	Todo     = draft.Todo
	Unneeded = draft.Unneeded
	Other    = draft.Other
)
