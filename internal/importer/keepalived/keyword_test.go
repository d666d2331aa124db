package keepalived

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// context is a configuration around the block that a keyword belongs to, with
// KEYWORD in its place.
var context = map[string]string{
	"":                             "KEYWORD\n",
	"global_defs":                  "global_defs {\n KEYWORD\n}\n",
	"garp_group":                   "garp_group {\n KEYWORD\n}\n",
	"track_group":                  "track_group G {\n KEYWORD\n}\n",
	"vrrp_sync_group":              "vrrp_sync_group G {\n KEYWORD\n group { V }\n}\n",
	"vrrp_instance":                "vrrp_instance V {\n KEYWORD\n}\n",
	"vrrp_instance/authentication": "vrrp_instance V {\n authentication {\n KEYWORD\n }\n}\n",
	"vrrp_instance/auth_hmac":      "vrrp_instance V {\n version 3\n auth_hmac {\n KEYWORD\n }\n}\n",
	"vrrp_script":                  "vrrp_script S {\n KEYWORD\n script /bin/true\n}\n",
	"vrrp_track_process":           "vrrp_track_process P {\n KEYWORD\n process x\n}\n",
	"track_file":                   "track_file F {\n KEYWORD\n file /run/f\n}\n",
	"vrrp_track_file":              "vrrp_track_file F {\n KEYWORD\n file /run/f\n}\n",
}

// TestKeywords: each keyword of keepalived 2.4.3 is known here: it is converted or
// has words of its own in the list.
func TestKeywords(t *testing.T) {
	data, err := os.ReadFile("testdata/keywords.txt")
	if err != nil {
		t.Fatal(err)
	}
	keywords := strings.Fields(string(data))
	if len(keywords) < 250 {
		t.Fatalf("only %d keywords", len(keywords))
	}
	const user = "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 10.0.1.9 }\n" +
		" track_script { S }\n track_process { P }\n track_file { F }\n}\n"
	for _, keyword := range keywords {
		block, name := filepath.Split(keyword)
		around, ok := context[strings.TrimSuffix(block, "/")]
		if !ok {
			t.Errorf("%s: no such context", keyword)
			continue
		}
		text := strings.ReplaceAll(around, "KEYWORD", name+" x")
		if strings.HasPrefix(block, "vrrp_instance/") || block == "vrrp_instance/" {
			text = strings.Replace(text, "V {\n", "V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 10.0.1.9 }\n", 1)
		} else {
			text += user
		}
		path := filepath.Join(t.TempDir(), "k.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, f := range importFile(t, path).Findings {
			if strings.Contains(f.Why, "not a directive that is known here") {
				t.Errorf("%s is not known", keyword)
			}
		}
	}
}
