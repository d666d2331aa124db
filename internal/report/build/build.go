// Package build tells which build of Stead this program is.
package build

import (
	"runtime"
	"runtime/debug"
)

// Version is set by the linker of a release: -ldflags "-X stead/internal/report/build.Version=v1.2.3".
var Version string

// Info is what is known of a build.
type Info struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"commit_time,omitempty"` // RFC 3339
	Modified bool   `json:"modified"`              // the tree was not as committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Get reads what the compiler and the linker have left in the program.
func Get() Info {
	info, _ := debug.ReadBuildInfo()
	return from(info, Version)
}

func from(b *debug.BuildInfo, version string) Info {
	i := Info{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if b == nil {
		b = &debug.BuildInfo{}
	}
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = s.Value
		case "vcs.time":
			i.Time = s.Value
		case "vcs.modified":
			i.Modified = s.Value == "true"
		}
	}
	if i.Version == "" {
		i.Version = b.Main.Version
	}
	if i.Version == "" || i.Version == "(devel)" {
		i.Version = "devel"
	}
	return i
}
