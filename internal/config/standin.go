package config

import "crypto/sha256"

// StandInKeys gives cfg keys of nobody's where none were read: those of the nodes
// need not be on the machine that simulates them. Keys with different files differ.
func StandInKeys(cfg *Config) {
	if len(cfg.Security.Keys) == 0 {
		cfg.Security.Keys = [][]byte{[]byte("a key of nobody's own")}
	}
	standInSessions(cfg)
	for i := range cfg.Groups {
		r := cfg.Groups[i].Election.VRRP
		if r == nil || r.Auth == nil || r.Auth.Keys != nil {
			continue
		}
		r.Auth.Keys = make(map[uint8][]byte, len(r.Auth.KeyFiles))
		for id, path := range r.Auth.KeyFiles {
			sum := sha256.Sum256([]byte(path))
			r.Auth.Keys[id] = sum[:]
			if r.Auth.Type == AuthPassword {
				r.Auth.Keys[id] = sum[:mostPassword]
			}
		}
	}
}

// standInSessions does so for the sessions of BGP and BFD.
func standInSessions(cfg *Config) {
	put := func(d *BFD) {
		if d == nil || d.Auth == nil || d.Auth.Keys != nil {
			return
		}
		d.Auth.Keys = make(map[uint8][]byte, len(d.Auth.KeyFiles))
		for id, path := range d.Auth.KeyFiles {
			sum := sha256.Sum256([]byte(path))
			d.Auth.Keys[id] = sum[:mostSHA1]
		}
	}
	if cfg.BGP != nil {
		for i := range cfg.BGP.Peers {
			p := &cfg.BGP.Peers[i]
			if p.PasswordFile != "" && p.Password == nil {
				sum := sha256.Sum256([]byte(p.PasswordFile))
				p.Password = sum[:]
			}
			put(p.BFD)
		}
	}
	for i := range cfg.Groups {
		for j := range cfg.Groups[i].Checks {
			put(cfg.Groups[i].Checks[j].BFD)
		}
	}
}
