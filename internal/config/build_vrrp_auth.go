package config

import "fmt"

// auth is how advertisements are authenticated; nil without.
func (b *builder) auth(election *value, r *VRRP) *VRRPAuth {
	v := election.get("auth")
	if !v.ok() || !v.get("type").ok() {
		return nil
	}
	a := &VRRPAuth{Type: or(v.get("type"), ""), KeyFiles: map[uint8]string{}}
	foreign := []string{"password_file"}
	if a.Type == AuthPassword {
		foreign = []string{"key_id", "key_file", "previous_key_id", "previous_key_file", "replay"}
	}
	for _, key := range foreign {
		if x := v.get(key); x != nil {
			b.whole(x, "has no meaning with type: "+a.Type, "another type of auth", "remove it")
		}
	}
	wants := map[string]int{AuthHMAC: 3, AuthPassword: 2}[a.Type]
	if version := election.get("version"); r.Version != wants && (version == nil || version.ok()) {
		b.about(v.get("type"), fmt.Sprintf("is for version %d, but this virtual router has version %d", wants, r.Version), fmt.Sprintf("version: %d", wants),
			map[string]string{AuthHMAC: "version 2 has passwords: type: password", AuthPassword: "version 3 has keys: type: hmac"}[a.Type])
	}
	if a.Type == AuthPassword {
		b.password(v, a)
		return a
	}
	b.hmac(v, a)
	return a
}

// password is the simple text of version 2: anybody on the network can read it.
func (b *builder) password(v *value, a *VRRPAuth) {
	file := v.get("password_file")
	if file == nil {
		if !v.meant["password_file"] {
			b.of(v, "password_file is missing", "the path of a file with 1–8 characters", "add password_file: …")
		}
		return
	}
	a.KeyFiles[0] = or(file, "")
}

func (b *builder) hmac(v *value, a *VRRPAuth) {
	a.KeyID, a.Replay = uint8(or(v.get("key_id"), 1)), or(v.get("replay"), "time")
	key, id, previous := v.get("key_file"), v.get("previous_key_id"), v.get("previous_key_file")
	switch {
	case key != nil:
		a.KeyFiles[a.KeyID] = or(key, "")
	case !v.meant["key_file"]:
		b.of(v, "key_file is missing", "the path of a key", "all routers have the same; "+hmacAdvice("/etc/stead/vrrp.key"))
	}
	switch {
	case previous == nil && id == nil:
	case previous == nil:
		b.about(id, "stands without previous_key_file", "previous_key_file beside it", "name the key before in previous_key_file")
	case id == nil:
		b.about(previous, "stands without previous_key_id", "previous_key_id beside it", "advertisements name their key by its ID: add that of the key before")
	case id.ok() && uint8(or(id, 0)) == a.KeyID:
		b.about(id, "is also the ID of the key that signs", "another ID", "give the new key another ID: that is how the others tell them apart")
	case id.ok():
		a.KeyFiles[uint8(or(id, 0))] = or(previous, "")
	}
}
