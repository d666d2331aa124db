// The status page. Everything that comes from the daemon is set as text, never as markup.

const most = 100;
const byId = (id) => document.getElementById(id);
let heard = 0;

function element(tag, text, className) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

function age(ms) {
  if (!(ms > 0)) return "0 s";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const period = (ms) => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);

const since = (now, then) => (then && !then.startsWith("0001") ? age(Date.parse(now) - Date.parse(then)) : "–");

function verdict(s) {
  const box = byId("verdict");
  const words = s.stale ? [s.stale, ...s.problems] : s.problems;
  box.className = words.length ? "bad" : "good";
  if (!words.length) words.push(s.groups && s.groups.length ? "All is well." : "No groups.");
  box.replaceChildren(...words.map((w) => element("p", w)));
}

function member(g, m) {
  const state = m.unknown ? "not known" : !m.alive ? "not heard" : m.name === g.active_node ? "active" : m.ready ? "ready" : "not ready";
  const li = element("li", `${m.name} `);
  li.append(element("span", state, m.unknown ? "dim" : m.alive && (m.ready || state === "active") ? "good" : "bad"), element("span", ` priority ${m.priority}`, "dim"));
  return li;
}

function check(s, c) {
  const li = element("li", `check ${c.name} `);
  const colour = { up: "good", down: "bad", unknown: "warn" }[c.state];
  const ran = c.last_ran ? `${since(s.at, c.last_ran)} ago` : "not run yet";
  li.append(element("span", c.state, colour), element("span", ` ${ran} ${c.detail || ""}`, "dim"));
  return li;
}

// router tells of a virtual router (VRRP); its Backup Routers say nothing.
function router(g) {
  const v = g.vrrp;
  const state = v.handing_over ? `${v.state}, hands over` : v.holds_back ? `${v.state}, holds back after a switchover` : v.state;
  const own = element("p", `virtual router ${v.vrid} `, "router");
  own.append(
    element("span", state, v.state === "initialize" ? "warn" : v.state === "active" ? "good" : ""),
    element("span", ` VRRP ${v.version} · priority ${v.priority} every ${period(v.interval_ms)}${v.source ? ` from ${v.source}` : ""}`, "dim"),
  );
  if (!v.active_address || v.active_address === v.source) return [own];
  const other = element("p", "Active Router ", "router");
  other.append(element("strong", v.active_address), element("span", ` priority ${v.active_priority} every ${period(v.active_interval_ms)}`, "dim"));
  return [own, other];
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

// record tells in which state a lease or a vote is.
const record = (r) => ({ held: `held by ${r.holder}`, free: `given up by ${r.holder}`, made: `just made by ${r.holder}` }[r.state] || `${r.state} by ${r.holder}`);

// answers tells whether a store is reached, and how fast.
function answers(r) {
  if (r.problem) return element("span", ` · not reached: ${r.problem}`, "bad");
  return element("span", r.last_ms > 0 ? ` · answers in ${r.last_ms.toFixed(1)} ms, at most ${r.longest_ms.toFixed(1)} ms` : "", "dim");
}

// lease tells of the record in a store that decides a group.
function lease(s, g) {
  const l = g.lease;
  const p = element("p", `lease in ${l.store} `, "lease");
  const state = l.unreadable ? `what is at ${l.record} is no lease` : l.state ? record(l) : "there is none, as far as is known";
  const left = l.held ? `, ours for ${seconds(g.lease_remaining_ms)} more` : l.claimable_at ? `, to be had in ${seconds(Date.parse(l.claimable_at) - Date.parse(s.at))} unless it is renewed` : "";
  p.append(
    element("span", state, l.unreadable ? "bad" : l.held ? "good" : ""),
    element("span", `${l.state ? `, epoch ${l.epoch}, changed ${seconds(l.changed_ms_ago)} ago` : ""}${l.wanted_by ? `, wanted by ${l.wanted_by}` : ""}${left}`, "dim"),
    answers(l),
  );
  return p;
}

// vote tells whom the store stands by that votes in the election of a group.
function vote(v) {
  const p = element("p", `vote of the store ${v.store} `, "vote");
  const state = v.unreadable ? `what is at ${v.record} is no vote` : v.held ? `ours for ${seconds(v.remaining_ms)} more` : !v.state ? "not known yet" : v.state === "free" ? "nobody needs it" : record(v);
  p.append(element("span", state, v.unreadable ? "bad" : v.held ? "warn" : ""), answers(v));
  return p;
}

// announces tells what a group announces by BGP.
function announces(s, g) {
  const a = g.announces;
  const up = a.to.filter((name) => (s.bgp || []).some((p) => p.name === name && p.state === "Established")).length;
  const p = element("p", "BGP ", "announces");
  p.append(
    element("span", a.as ? `announced as ${a.as}` : "nothing is announced", a.as === "active" ? "good" : a.as ? "warn" : ""),
    element("span", `${a.as ? ` prepended ${a.prepend} times` : ""} · ${up} of ${a.to.length} sessions`, "dim"),
  );
  return p;
}

// holder names who is active. Without an election nothing is heard of the others.
const holder = (g) => (g.election === "none" ? "each that is ready" : g.active_node || g.active_address);

function group(s, g) {
  const box = element("article", undefined, "group");
  box.dataset.group = g.name;
  const trouble = g.stalled || (!g.ready && g.role !== "witness");
  const title = element("h3", g.name);
  title.append(element("span", g.stalled ? `${g.role}, stalled` : g.draining ? `${g.role}, drained` : g.role, `role ${g.role}${trouble ? " trouble" : ""}`));
  const active = element("p", "active: ");
  active.append(element("strong", holder(g) || "nobody", holder(g) ? "" : "bad"), element("span", ` for ${since(s.at, g.since)}, epoch ${g.epoch}`, "dim"));
  const list = element("ul");
  list.append(...(g.members || []).map((m) => member(g, m)), ...(g.checks || []).map((c) => check(s, c)));
  box.append(title, active, element("p", `because ${g.reason || "–"}`, "dim"), element("p", (g.addresses || []).join(" ")), ...(g.vrrp ? router(g) : []), ...(g.lease ? [lease(s, g)] : []), ...(s.vote && g.witness_store === s.vote.store ? [vote(s.vote)] : []), ...(g.announces ? [announces(s, g)] : []), list);
  return box;
}

function row(cells) {
  const tr = element("tr");
  tr.append(...cells.map(([text, className]) => element("td", text, className)));
  return tr;
}

function peer(s, p) {
  const paths = (p.paths || []).map((w) => `${w.address} ${!w.alive ? "down" : w.deaf ? "does not hear us" : "up"}`).join(", ");
  return row([
    [p.name], [p.role], [p.last_seen ? `${p.alive ? "" : "lost "}${since(s.at, p.last_seen)} ago` : "never", p.alive ? "good" : "bad"],
    [p.rtt_us > 0 ? `${(p.rtt_us / 1000).toFixed(2)} ms` : "–"], [`${(p.loss * 100).toFixed(1)} %`], [paths],
  ]);
}

function path(p) {
  const attributes = [p.as_path && p.as_path.length ? `path ${p.as_path.join(" ")}` : "", p.med === undefined ? "" : `med ${p.med}`,
    p.local_pref === undefined ? "" : `local_pref ${p.local_pref}`, ...(p.communities || [])].filter(Boolean).join(", ");
  return `${p.prefix} via ${p.next_hop}${attributes ? ` (${attributes})` : ""}`;
}

function session(s, p) {
  const up = p.state === "Established";
  return row([
    [p.name], [p.address], [`${p.as}`], [p.state === "Active" ? "BGP Active" : p.state, up ? "good" : "bad"], [since(s.at, p.since)],
    [up ? `${p.hold_time} s` : "–"], [`${p.flaps}`], [p.bfd || "–", p.bfd && p.bfd !== "Up" ? "bad" : ""],
    [(p.announced || []).map(path).join("; ") || (up ? "nothing" : p.last_error || "nothing"), "dim"],
  ]);
}

const micros = (us) => (us > 0 ? `${us / 1000} ms` : "–");

function watched(s, p) {
  return row([
    [p.name], [p.remote], [p.state, p.state === "Up" ? "good" : "bad"], [since(s.at, p.since)], [micros(p.tx_interval_us)], [micros(p.detection_time_us)],
    [micros(p.max_gap_us)], [`${p.downs}`], [p.state === "Up" ? "" : p.remote_state === "AdminDown" ? "the other system was taken out of service" : p.diagnostic || p.last_refusal || "", "dim"],
  ]);
}

function table(name, list, draw) {
  byId(`${name}-section`).hidden = !list.length;
  byId(name).replaceChildren(...list.map(draw));
}

function showStatus(s) {
  heard = Date.now();
  if (s.node) {
    document.title = `${s.node} – stead`;
    byId("node").textContent = s.node;
    byId("about").textContent = `stead ${s.version} · up ${age(s.uptime_seconds * 1000)} · fence ${s.fence.kind}${s.realtime.active ? "" : " · not real-time"}`;
  }
  verdict(s);
  byId("groups").replaceChildren(...(s.groups || []).map((g) => group(s, g)));
  table("bgp", s.bgp || [], (p) => session(s, p));
  table("bfd", s.bfd || [], (p) => watched(s, p));
  byId("peers").replaceChildren(...(s.peers || []).map((p) => peer(s, p)));
}

function when(iso) {
  const d = new Date(iso);
  const two = (n, width = 2) => String(n).padStart(width, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${two(d.getMilliseconds(), 3)}`;
}

function showEvent(e) {
  const colour = { "became-active": "good", "peer-up": "good", "check-up": "good", "peer-down": "bad", "check-down": "bad", "session-up": "good", "path-up": "good", "session-down": "bad", "session-refused": "bad", "path-down": "bad", "store-up": "good", "store-down": "bad", stretched: "bad", stalled: "bad", "dual-seen": "bad" }[e.kind];
  const detail = [e.peer, e.detail, e.epoch ? `epoch ${e.epoch}` : "", e.took_us ? `took ${(e.took_us / 1000).toFixed(1)} ms` : ""].filter(Boolean).join(" · ");
  const list = byId("events");
  list.prepend(row([[when(e.wall), "dim"], [e.group || "–"], [e.kind, colour], [e.reason || ""], [detail, "dim"]]));
  while (list.children.length > most) list.lastElementChild.remove();
}

function link(live) {
  const e = byId("link");
  e.textContent = live ? "live" : "connection lost: what is shown is old";
  e.className = live ? "live" : "lost";
}

const stream = new EventSource("events");
stream.addEventListener("status", (m) => { showStatus(JSON.parse(m.data)); link(true); });
stream.addEventListener("change", (m) => showEvent(JSON.parse(m.data)));
stream.addEventListener("error", () => link(false));
setInterval(() => { if (heard && Date.now() - heard > 3000) link(false); }, 1000);
