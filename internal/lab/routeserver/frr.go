package routeserver

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// frrDir is where the packages put FRR's daemons.
const frrDir = "/usr/lib/frr/"

// frrUser is as whom FRR's daemons run. They refuse to be root.
const frrUser = "frr"

var bgpdText = template.Must(template.New("bgpd.conf").Parse(`router bgp {{.AS}}
 bgp router-id {{.ID}}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 bgp graceful-restart-disable
 bgp bestpath as-path multipath-relax
{{- range .Nodes}}
 neighbor {{.}} remote-as {{$.NodeAS}}
 neighbor {{.}} ebgp-multihop 2
 neighbor {{.}} update-source {{$.Address}}
 neighbor {{.}} timers {{$.Keepalive}} {{$.Hold.Seconds}}
 neighbor {{.}} timers connect 1
{{- if $.BFD.On}}
 neighbor {{.}} bfd
 neighbor {{.}} bfd profile fast
{{- end}}{{end}}
 address-family {{.Family}} unicast
  maximum-paths 8
{{- range .Nodes}}
  neighbor {{.}} activate
{{- end}}
 exit-address-family
`))

// Keepalive is a third of the hold time, in whole seconds.
func (c *Config) Keepalive() int { return int(c.Hold.Seconds()) / 3 }

var bfddText = template.Must(template.New("bfdd.conf").Parse(`bfd
 profile fast
  detect-multiplier {{.Multiplier}}
  receive-interval {{.Interval.Milliseconds}}
  transmit-interval {{.Interval.Milliseconds}}
  minimum-ttl 1
`))

// bfdProfile is the text of bfdd with a profile "fast". BIRD sends what goes over
// several hops with a TTL of 64.
func bfdProfile(b BFD) (string, error) {
	var text strings.Builder
	err := bfddText.Execute(&text, b)
	return text.String(), err
}

func prepareFRR(dir string, c *Config) ([]Program, error) {
	var text strings.Builder
	if err := bgpdText.Execute(&text, c); err != nil {
		return nil, err
	}
	return FRRPrograms(dir, text.String(), c.BFD)
}

// give makes dir that of FRR's user, who makes sockets in it.
func give(dir string) error {
	who, err := user.Lookup(frrUser)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("%w (FRR runs as the user %s, which needs root)", err, frrUser)
	}
	return nil
}

// FRRPrograms writes the configuration of bgpd, and of bfdd where paths are watched,
// into dir, which its user has to reach, and tells what is to be started: zebra,
// then those.
func FRRPrograms(dir, bgpd string, b BFD) (programs []Program, err error) {
	if err := give(dir); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "zserv.api")
	_ = os.Remove(socket) // of an earlier start
	add := func(name, text, awaited string, args ...string) {
		file := filepath.Join(dir, name+".conf")
		if failed := write(file, "log stdout\n"+text); failed != nil {
			err = failed
		}
		programs = append(programs, Program{Name: name, Awaited: awaited, Args: append([]string{
			frrDir + name, "-u", frrUser, "-g", frrUser, "-f", file, "-i", filepath.Join(dir, name+".pid"), "-z", socket,
			"--vty_socket", dir, "-A", "127.0.0.1", "-P", "0",
		}, args...)})
	}
	add("zebra", "", socket) // who does not find it tries again after 10 s
	if b.On() {
		bfdd, failed := bfdProfile(b)
		if failed != nil {
			return nil, failed
		}
		add("bfdd", bfdd, "", "--bfdctl", filepath.Join(dir, "bfdd.sock"))
	}
	add("bgpd", bgpd, "")
	return programs, err
}
