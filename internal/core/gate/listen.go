package gate

// heard takes in what a witness tells by itself.
func (w *watch) heard(now Instant, s *Sample) {
	switch s.Sight {
	case Unseen:
		w.lose(now, unreadable, s.Detail)
	case Nothing:
		if w.blind.why != seeing {
			w.blind, w.since = blind{}, now
		}
	case Beaten:
		if w.known && (w.old(s) || s.Mark == w.last.Mark) {
			return // sent twice, or late: what was heard before says more
		}
		w.adopt(s)
		w.change(now)
		w.blind, w.since = blind{}, now
	case Garbled:
		// Anybody can send that.
	}
}

// silent is the verdict of a witness that tells by itself.
func (w *watch) silent(now Instant) finding {
	silence := now.Sub(w.since)
	switch {
	case w.blind.why != seeing:
		return w.blinded(now)
	case silence < w.flatline:
		return cannot(watching, "silent for "+text(silence)+" of "+text(w.flatline))
	case w.known:
		return finding{Flatlined, flat, "silent for " + text(silence)}
	case w.never:
		return finding{Flatlined, flat, "never heard, for " + text(silence)}
	}
	return cannot(neverSeen, "never heard")
}
