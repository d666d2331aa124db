package build

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrom(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"}}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	tests := []struct {
		name   string
		info   *debug.BuildInfo
		linker string
		want   Info
	}{
		{"release", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs}, "v1.2.3", Info{Version: "v1.2.3", Commit: "abc", Time: "2026-01-02T03:04:05Z", Modified: true}},
		{"installed by its module", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.4"}}, "", Info{Version: "v1.2.4"}},
		{"from a tree", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "", Info{Version: "devel"}},
		{"nothing known", nil, "", Info{Version: "devel"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Go, tt.want.Platform = runtime.Version(), platform
			if diff := cmp.Diff(tt.want, from(tt.info, tt.linker)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
