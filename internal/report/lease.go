package report

import "time"

// Lease is the election of a group with the type lease, as this node sees it.
type Lease struct {
	Store        string    `json:"store"`
	State        string    `json:"state,omitempty"`     // held, free, parked, made; empty: there is none, or it was not read yet
	Holder       string    `json:"holder,omitempty"`    // who has it, or had it last
	Epoch        uint64    `json:"epoch,omitempty"`     // of the record in the store
	WantedBy     string    `json:"wanted_by,omitempty"` // who asks for it
	TTLMS        float64   `json:"ttl_ms"`
	ChangedMSAgo float64   `json:"changed_ms_ago"` // since this node saw the record change
	ClaimableAt  time.Time `json:"claimable_at,omitzero"`
	Problem      string    `json:"problem,omitempty"` // what is wrong with the store
	Reads        uint64    `json:"reads"`
	Writes       uint64    `json:"writes"`
	Conflicts    uint64    `json:"conflicts"`
	Failures     uint64    `json:"failures"`
	LastMS       float64   `json:"last_ms"` // of the last operation that has not failed
	LongestMS    float64   `json:"longest_ms"`
}
