package keepalived

import (
	"encoding/hex"
	"path"
	"strconv"
	"strings"
	"time"

	"stead/internal/importer/draft"
)

// secretsDir is where passwords and keys are expected.
const secretsDir = "/etc/stead"

// keep names the file of a secret, and notes what goes into it.
func (c *converter) keepSecret(d *Directive, name string, content []byte) string {
	dir := c.o.Secrets
	if dir == "" {
		dir = secretsDir
		c.note(d, Todo, "secrets are not written into the configuration", "put it into "+path.Join(dir, name)+" with mode 0600, or import again with --secrets DIR")
	}
	file := path.Join(dir, name)
	c.secrets = append(c.secrets, Secret{Path: file, Content: content, From: d})
	return file
}

// authenticate writes the authentication of advertisements.
func (c *converter) authenticate(g *group) {
	if g.authHMAC != nil {
		c.hmac(g)
		if g.auth != nil {
			c.find(g.auth, Unneeded, "keepalived ignores it beside auth_hmac", "")
		}
		return
	}
	if g.auth == nil {
		return
	}
	var kind, pass *Directive
	for _, d := range g.auth.Block {
		switch d.Name() {
		case "auth_type":
			c.last(&kind, d)
			d.use(0, 1)
		case "auth_pass":
			c.last(&pass, d)
			d.use(0, 1)
		}
	}
	switch {
	case g.version == 3 || g.strict:
		c.find(g.auth, Unneeded, "keepalived ignores it in version 3 and in strict mode: its advertisements carry no password", "")
	case kind == nil || pass == nil || pass.Arg(1) == "":
		c.find(g.auth, Unneeded, "keepalived ignores it without auth_type and auth_pass", "")
	case kind.Arg(1) == "AH":
		c.find(g.auth, Lost, "Stead has no authentication header", "write auth_type PASS on all, or better version 3 with auth_hmac")
	case kind.Arg(1) != "PASS":
		c.find(g.auth, Unneeded, "keepalived ignores the type", "")
	default:
		c.password(g, pass)
	}
}

// password writes a password of version 2: eight bytes at most.
func (c *converter) password(g *group, d *Directive) {
	word := d.Arg(1)
	if len(word) > 8 {
		word = word[:8]
		c.note(d, Unneeded, "keepalived sends the first 8 characters: they are taken", "")
	}
	file := c.keepSecret(d, g.name+".password", []byte(word+"\n"))
	g.election.Set("auth", "{ type: password, password_file: "+draft.Scalar(file)+" }", from(d))
}

// hmacKey is a key of auth_hmac.
type hmacKey struct {
	id int
	d  *Directive
}

// hmac writes auth_hmac: the key that signs, and one that is accepted beside it.
func (c *converter) hmac(g *group) {
	if g.version == 2 {
		c.find(g.authHMAC, Lost, "Stead authenticates version 3 so, not version 2", "give all routers version 3")
		return
	}
	active, replay := 0, ""
	var keys []hmacKey
	var replayFrom *Directive
	for _, d := range g.authHMAC.Block {
		switch d.Name() {
		case "key":
			if id, ok := c.integer(d, 1, 1, 255); ok && d.Arg(2) != "" {
				d.use(2)
				keys = append(keys, hmacKey{id, d})
			}
		case "active_key":
			active, _ = c.integer(d, 1, 1, 255)
		case "anti_replay":
			d.use(0, 1)
			if replay, replayFrom = d.Arg(1), d; replay != "time" && replay != "monotonic" {
				c.note(d, Unneeded, "is neither time nor monotonic: keepalived takes time", "")
				replay = "time"
			}
		case "time_window":
			d.use(0)
			v, ok := c.seconds(d, 1)
			switch usual := max(3*g.interval, 5*time.Second).Truncate(time.Second); {
			case !ok:
			case v == usual:
				c.note(d, Unneeded, "it is the window of Stead, too", "")
			default:
				c.note(d, Changed, "the window of Stead is "+length(usual)+": three intervals, and 5 s at least", "nothing, if the clocks are kept")
			}
		case "mode":
			d.use(0, 1)
			if d.Arg(1) != "enforce" {
				c.note(d, Lost, "Stead accepts no advertisement without its trailer", "bring all routers to enforce before Stead joins")
			}
		}
	}
	c.hmacKeys(g, keys, active)
	if replay == "monotonic" && g.election.Has("auth") {
		g.election.Sub("auth").Set("replay", replay, from(replayFrom))
	}
}

func (c *converter) hmacKeys(g *group, keys []hmacKey, active int) {
	signs := -1
	for i, k := range keys {
		if k.id == active {
			signs = i
		}
	}
	if signs < 0 {
		c.find(g.authHMAC, Unneeded, "keepalived ignores it: active_key is not one of its keys", "")
		return
	}
	auth := g.election.Sub("auth")
	auth.Set("type", "hmac", from(g.authHMAC))
	auth.Set("key_id", strconv.Itoa(active), "")
	auth.Set("key_file", draft.Scalar(c.hmacFile(g, keys[signs])), from(keys[signs].d))
	for i, k := range keys {
		switch {
		case i == signs:
		case auth.Has("previous_key_id"):
			c.note(k.d, Lost, "Stead accepts two keys", "end the rotation before, or leave this one out")
		default:
			auth.Set("previous_key_id", strconv.Itoa(k.id), "")
			auth.Set("previous_key_file", draft.Scalar(c.hmacFile(g, k)), from(k.d))
		}
	}
}

// hmacFile is the file of a key: the one that keepalived reads, or one to be made.
func (c *converter) hmacFile(g *group, k hmacKey) string {
	value := k.d.Arg(2)
	if file, ok := strings.CutPrefix(value, "file:"); ok && strings.HasPrefix(file, "/") {
		c.secrets = append(c.secrets, Secret{Path: file, From: k.d})
		return file
	}
	key := []byte(value)
	if digits, ok := strings.CutPrefix(value, "hex:"); ok {
		key, _ = hex.DecodeString(digits)
	}
	if len(key) < 32 || len(key) > 64 {
		c.note(k.d, Todo, "the key has not 32 to 64 bytes, or is a file without its whole path", "keepalived refuses it, too: write another on all routers")
	}
	return c.keepSecret(k.d, g.name+"."+strconv.Itoa(k.id)+".key", []byte(value+"\n"))
}
