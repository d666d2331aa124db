// Package e2e looks at the status page as people do: in a real browser.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/metrics"
	"stead/internal/report/reporttest"
	"stead/internal/report/web"
)

func serve(t *testing.T, d *reporttest.Daemon) (url string, stop func()) {
	t.Helper()
	listener, err := web.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	live := reporttest.Live{Daemon: d}
	server := &web.Server{Daemon: d, Snapshots: live, Log: d.Log, Metrics: metrics.New(live).Registry()}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return "http://" + listener.Addr().String() + "/", stop
}

// The page shows who is active, follows a failover without being loaded again,
// shows what others wrote as text, and says when it is cut off.
func TestPage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d := reporttest.New()
	url, stop := serve(t, d)
	b := start(t)
	see := func(expression string) {
		t.Helper()
		if err := b.until(ctx, expression); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.open(ctx, url); err != nil {
		t.Fatal(err)
	}
	see(`document.getElementById("link").textContent === "live"`)
	see(`document.title === "primary – stead"`)
	see(`document.querySelector("[data-group=web] .role").textContent === "active"`)
	see(`document.querySelector("[data-group=web] strong").textContent === "primary"`)
	see(`document.getElementById("verdict").textContent === "All is well."`)
	see(`document.querySelectorAll("#peers tr").length === 2`)
	see(`document.querySelectorAll("#events tr").length === 8`)
	picture(ctx, t, b, "healthy")

	const hostile = `<img src=x onerror="document.title='owned'">`
	d.Set(func(s *report.Status) {
		g := &s.Groups[0]
		g.Role, g.ActiveNode, g.Epoch, g.Ready, g.NotReadyBecause = report.RoleStandby, "secondary", 8, false, reason.CheckFailed
		g.Checks = []report.Check{{Name: "web", State: report.CheckDown, Detail: hostile, Fatal: true}}
	})
	d.Log.Append(report.Event{Kind: report.SawActive, Group: "web", Peer: "secondary", Epoch: 8, Reason: reason.CheckFailed, Detail: hostile})
	see(`document.querySelector("[data-group=web] strong").textContent === "secondary"`)
	see(`document.querySelector("#events tr").textContent.includes("saw-active")`)
	see(`document.getElementById("verdict").className === "bad"`)
	see(`document.querySelector("#verdict").textContent.includes("primary is not ready")`)
	see(`document.querySelectorAll("img").length === 0 && document.body.textContent.includes("onerror")`)
	picture(ctx, t, b, "failed-over")
	if faults := b.complaints(); len(faults) > 0 {
		t.Errorf("the page complained: %v", faults)
	}

	stop()
	see(`document.getElementById("link").className === "lost"`)
}

// A group that VRRP decides shows its virtual router and, beside it, the Active
// Router, which the configuration need not name.
func TestVirtualRouter(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d := reporttest.New()
	d.Set(func(s *report.Status) { s.Groups = append(s.Groups, reporttest.VRRP()) })
	url, _ := serve(t, d)
	b := start(t)
	if err := b.open(ctx, url); err != nil {
		t.Fatal(err)
	}
	shows := func(lines ...string) {
		t.Helper()
		text, err := json.Marshal(lines)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.until(ctx, `JSON.stringify([...document.querySelectorAll("[data-group=lan] .router")].map((e) => e.textContent)) === `+strconv.Quote(string(text))); err != nil {
			t.Fatal(err)
		}
	}
	change := func(f func(*report.VRRP)) {
		v := *reporttest.VRRP().VRRP
		f(&v)
		d.Set(func(s *report.Status) { s.Groups[1].VRRP = &v })
	}
	const own, other = " VRRP 3 · priority 102 every 1 s from 192.0.2.10", "Active Router 192.0.2.9 priority 200 every 500 ms"
	shows("virtual router 51 backup"+own, other)
	picture(ctx, t, b, "virtual-router")
	change(func(v *report.VRRP) { v.HoldsBack = true })
	shows("virtual router 51 backup, holds back after a switchover"+own, other)
	change(func(v *report.VRRP) {
		v.State, v.HandingOver, v.ActiveAddress, v.ActivePriority = "active", true, v.Source, 102
	})
	shows("virtual router 51 active, hands over" + own)
	change(func(v *report.VRRP) { v.State, v.Source, v.ActiveAddress, v.IntervalMS = "initialize", "", "", 10 })
	shows("virtual router 51 initialize VRRP 3 · priority 102 every 10 ms")
	d.Set(func(s *report.Status) { s.Groups[1].ActiveAddress = "" })
	if err := b.until(ctx, `document.querySelector("[data-group=lan] strong.bad").textContent === "nobody"`); err != nil {
		t.Fatal(err)
	}
	if faults := b.complaints(); len(faults) > 0 {
		t.Errorf("the page complained: %v", faults)
	}
}

// A group that a lease decides shows who has it and whether its store answers, and
// a group in which a store votes shows whom it stands by.
func TestStores(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d := reporttest.New()
	d.Set(func(s *report.Status) { reporttest.Voting(s); s.Groups = append(s.Groups, reporttest.Lease()) })
	url, _ := serve(t, d)
	b := start(t)
	if err := b.open(ctx, url); err != nil {
		t.Fatal(err)
	}
	see := func(expression string) {
		t.Helper()
		if err := b.until(ctx, expression); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(selector, line string) {
		t.Helper()
		see(`[...document.querySelectorAll("` + selector + `")].map((e) => e.textContent).join("|") === ` + strconv.Quote(line))
	}
	lease := func(f func(*report.Group)) {
		g := reporttest.Lease()
		f(&g)
		d.Set(func(s *report.Status) { s.Groups[1] = g })
	}
	const answers = " · answers in 12.5 ms, at most 340.0 ms"
	see(`document.getElementById("verdict").textContent === "All is well."`)
	shows("[data-group=db] .lease", "lease in blobs held by primary, epoch 12, changed 1.4 s ago, ours for 8.3 s more"+answers)
	shows("[data-group=web] .vote", "vote of the store blobs nobody needs it · answers in 9.5 ms, at most 80.0 ms")
	shows(".vote .bad, .lease .bad, [data-group=db] .bad", "")
	see(`[...document.querySelectorAll("[data-group=db] li")].some((e) => e.textContent === "secondary not known priority 100")`)
	picture(ctx, t, b, "lease")

	lease(func(g *report.Group) {
		reporttest.Waits(g)
		g.Lease.WantedBy, g.Lease.ClaimableAt = "primary", time.Time{}
	})
	d.Set(reporttest.HasVote)
	shows("[data-group=db] .lease", "lease in blobs held by secondary, epoch 12, changed 1.4 s ago, wanted by primary"+answers)
	shows("[data-group=web] .vote", "vote of the store blobs ours for 7.5 s more · answers in 9.5 ms, at most 80.0 ms")

	lease(func(g *report.Group) {
		g.Lease.Unreadable, g.Lease.State, g.Lease.Held, g.Lease.Problem = true, "", false, "<b>gone</b>"
	})
	d.Set(func(s *report.Status) {
		v := *s.Vote
		v.Problem, v.Held, v.Holder = "no answer within 1.5s", false, "secondary"
		s.Vote = &v
	})
	shows("[data-group=db] .lease .bad", "what is at groups/db is no lease| · not reached: <b>gone</b>")
	shows("[data-group=web] .vote", "vote of the store blobs held by secondary · not reached: no answer within 1.5s")
	see(`document.getElementById("verdict").textContent.includes("a further fault may leave nobody active")`)
	if faults := b.complaints(); len(faults) > 0 {
		t.Errorf("the page complained: %v", faults)
	}
}

// picture fails when the page is blank. Where E2E_PICTURES names a directory, it is kept there.
func picture(ctx context.Context, t *testing.T, b *browser, name string) {
	t.Helper()
	data, err := b.screenshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	colours := map[[3]uint32]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 2 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 2 {
			r, g, b, _ := img.At(x, y).RGBA()
			colours[[3]uint32{r, g, b}] = true
		}
	}
	if len(colours) < 20 {
		t.Errorf("%s: the page has %d colours: nothing is drawn", name, len(colours))
	}
	if dir := os.Getenv("E2E_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// A group that is announced by BGP shows as what; beside the nodes stand the sessions
// with what each peer was told, and the BFD sessions.
func TestSessions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d := reporttest.New()
	url, _ := serve(t, d)
	b := start(t)
	if err := b.open(ctx, url); err != nil {
		t.Fatal(err)
	}
	see := func(expression string) {
		t.Helper()
		if err := b.until(ctx, expression); err != nil {
			t.Fatal(err)
		}
	}
	see(`document.getElementById("link").textContent === "live" && document.getElementById("bgp-section").hidden && document.getElementById("bfd-section").hidden`)
	d.Set(reporttest.Speak)
	see(`document.querySelector("[data-group=routed] .announces").textContent === "BGP announced as active prepended 0 times · 2 of 2 sessions"`)
	see(`document.querySelector("[data-group=routed] strong").textContent === "each that is ready"`)
	see(`document.querySelectorAll("#bgp tr").length === 2 && !document.getElementById("bgp-section").hidden`)
	see(`document.querySelector("#bgp tr").textContent.includes("Established")`)
	see(`document.querySelector("#bgp tr td:last-child").textContent === "10.1.0.5/32 via 10.0.1.10 (path 65010, med 100, 65010:100, 65010:1:2)"`)
	see(`document.querySelector("#bfd tr").textContent.includes("30 ms12.345 ms1")`)
	see(`document.getElementById("verdict").textContent === "All is well."`)
	picture(ctx, t, b, "sessions")

	d.Set(func(s *report.Status) {
		s.BGP = append([]report.BGPSession(nil), s.BGP...)
		s.BGP[0].State, s.BGP[0].LastError, s.BGP[0].Announced = "Active", "<b>refused</b>", nil
		s.BFD = []report.BFDSession{{Name: "10.0.1.4", Remote: "10.0.1.4", State: "Down", Diagnostic: "Control Detection Time Expired"}}
	})
	see(`document.querySelector("#bgp .bad").textContent === "BGP Active"`)
	see(`document.querySelector("#bgp tr td:last-child").textContent === "<b>refused</b>"`)
	see(`document.querySelector("#verdict").textContent.includes("bgp rs1: no session (BGP Active state): <b>refused</b>")`)
	see(`document.querySelector("#bfd .bad").textContent === "Down"`)
	see(`document.querySelector("[data-group=routed] .announces").textContent.includes("1 of 2 sessions")`)
	if faults := b.complaints(); len(faults) > 0 {
		t.Errorf("the page complained: %v", faults)
	}
}
