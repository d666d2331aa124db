package daemon

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stead/internal/report"
)

// Three hosts start: one serves, and everything that is asked says so.
func TestStart(t *testing.T) {
	tr := newTrial(t, conf{overlay: true})
	tr.start(t)

	t.Run("one holder", func(t *testing.T) {
		for _, h := range tr.hosts() {
			if got, want := h.has(t, "vxlan0", overlayService4), h == tr.primary; got != want {
				t.Errorf("%s: has the address: %v", h.name, got)
			}
			if s := h.status(t); s.Group("web").Epoch == 0 || s.Group("web").Epoch != tr.primary.status(t).Group("web").Epoch {
				t.Errorf("%s: epoch %d", h.name, s.Group("web").Epoch)
			}
		}
	})
	t.Run("status", func(t *testing.T) { shapeOfStatus(t, tr) })
	t.Run("events and explain", func(t *testing.T) { eventsAndExplain(t, tr) })
	t.Run("http", func(t *testing.T) { overHTTP(t, tr) })
	t.Run("version", func(t *testing.T) {
		if out := tr.primary.do(t, "status"); !strings.Contains(out, "web") || !strings.Contains(out, "primary") {
			t.Errorf("status in words:\n%s", out)
		}
		if v := tr.primary.status(t).Version; v == "" {
			t.Error("no version in the status")
		}
	})
}

// shapeOfStatus looks for the keys that scripts rely on.
func shapeOfStatus(t *testing.T, tr *trial) {
	var s map[string]any
	decode(t, tr.primary.do(t, "status", "--json"), &s)
	group := s["groups"].([]any)[0].(map[string]any)
	peers := s["peers"].([]any)
	for key, want := range map[string]any{
		"name": "web", "role": "active", "active_node": "primary", "ready": true, "fence": "kernel",
		"reason": "nobody-active", "addresses": []any{overlayService4 + "/24", overlayService6 + "/64"},
	} {
		if got, err := json.Marshal(group[key]); err != nil || string(got) != text(t, want) {
			t.Errorf("groups[0].%s is %s, want %s", key, got, text(t, want))
		}
	}
	for _, key := range []string{"epoch", "since"} {
		if group[key] == nil {
			t.Errorf("groups[0].%s is missing", key)
		}
	}
	if s["node"] != "primary" || len(peers) != 2 {
		t.Errorf("node %v, %d peers", s["node"], len(peers))
	}
	for _, p := range peers {
		peer := p.(map[string]any)
		if peer["alive"] != true || peer["name"] == nil || peer["rtt_us"].(float64) <= 0 {
			t.Errorf("peer %v", peer)
		}
	}
	if witness := tr.client.status(t).Group("web"); witness.Role != report.RoleWitness || witness.ActiveNode != "primary" {
		t.Errorf("the witness says %+v", witness)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func eventsAndExplain(t *testing.T, tr *trial) {
	all := tr.primary.events(t)
	var kinds []report.Kind
	for i, e := range all {
		kinds = append(kinds, e.Kind)
		if e.Seq == 0 || e.Node != "primary" || e.Wall.IsZero() || i > 0 && e.Seq <= all[i-1].Seq {
			t.Errorf("event %+v", e)
		}
	}
	for _, kind := range []report.Kind{report.Started, report.PeerUp, report.Ready, report.Claiming, report.BecameActive} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
	if n := tr.secondary.count(t, report.BecameActive, "web"); n != 0 {
		t.Errorf("the secondary became active %d times", n)
	}
	saw := tr.secondary.logged(t, "it saw the primary", func(e *report.Event) bool { return e.Kind == report.SawActive })
	if saw.Peer != "primary" || saw.Group != "web" {
		t.Errorf("%+v", saw)
	}
	if out := tr.primary.do(t, "explain", "web"); !strings.Contains(out, "active") {
		t.Errorf("explain:\n%s", out)
	}
}

func overHTTP(t *testing.T, tr *trial) {
	for _, h := range tr.hosts() {
		want := http.StatusServiceUnavailable
		active := "0"
		if h == tr.primary {
			want, active = http.StatusOK, "1"
		}
		if code, body := h.get(t, "/active/web"); code != want {
			t.Errorf("%s: /active/web: %d %s", h.name, code, body)
		}
		if code, body := h.get(t, "/healthz"); code != http.StatusOK {
			t.Errorf("%s: /healthz: %d %s", h.name, code, body)
		}
		if code, _ := h.get(t, "/active/no-such-group"); code == http.StatusOK {
			t.Errorf("%s: a group that does not exist is active", h.name)
		}
		if got := h.metric(t, `stead_group_active{group="web"}`); got != active {
			t.Errorf("%s: stead_group_active is %q, want %s", h.name, got, active)
		}
	}
	if n, err := strconv.ParseFloat(tr.primary.metric(t, "stead_heartbeats_sent_total"), 64); err != nil || n < 10 {
		t.Errorf("heartbeats sent: %v, %v", n, err)
	}
	if got := tr.primary.metric(t, `stead_peer_alive{peer="secondary"}`); got != "1" {
		t.Errorf("stead_peer_alive is %q", got)
	}
}
