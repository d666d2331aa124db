package config

import "crypto/sha256"

// StandInKeys gives cfg keys of nobody's where none were read: those of the nodes
// need not be on the machine that simulates them. Keys with different files differ.
func StandInKeys(cfg *Config) {
	if len(cfg.Security.Keys) == 0 {
		cfg.Security.Keys = [][]byte{[]byte("a key of nobody's own")}
	}
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
