package routeserver

import (
	"path/filepath"
	"strings"
	"text/template"
)

// A route over several hops has to be resolved by another one: the direct routes
// are there for that and are not written into the kernel's table. A router that
// has lost a node waits a minute by default before it takes it back.
var birdText = template.Must(template.New("bird.conf").Parse(`log stderr all;
router id {{.ID}};
protocol device { }
protocol direct { ipv4; ipv6; }
protocol kernel {
  {{.Family}} { import none; export where source = RTS_BGP; };
  merge paths on;
}
{{- if .BFD.On}}
protocol bfd {
  multihop { interval {{.BFD.Interval.Milliseconds}} ms; multiplier {{.BFD.Multiplier}}; };
}
{{- end}}
{{range $i, $node := .Nodes -}}
protocol bgp node{{$i}} {
  local {{$.Address}} as {{$.AS}};
  neighbor {{$node}} as {{$.NodeAS}};
  multihop 2;
  hold time {{$.Hold.Seconds}};
  connect delay time 1; connect retry time 1;
  error wait time 1, 2;
  graceful restart off; long lived graceful restart off;
  {{- if $.BFD.On}} bfd on;{{end}}
  {{$.Family}} { import all; export none; };
}
{{end}}`))

// Family is what both routers call the address family.
func (c *Config) Family() string {
	if c.Address.Is6() {
		return "ipv6"
	}
	return "ipv4"
}

func prepareBIRD(dir string, c *Config) ([]Program, error) {
	var text strings.Builder
	if err := birdText.Execute(&text, c); err != nil {
		return nil, err
	}
	program, err := find("bird")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "bird.conf")
	if err := write(file, text.String()); err != nil {
		return nil, err
	}
	return []Program{{Name: "bird", Args: []string{program, "-f", "-c", file, "-s", filepath.Join(dir, "bird.ctl"), "-P", filepath.Join(dir, "bird.pid")}}}, nil
}
