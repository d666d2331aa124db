package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"stead/internal/config"
	"stead/internal/importer/draft"
)

func newImportCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "make a configuration of that of another program",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newImportKeepalivedCmd(), newImportExabgpCmd())
	return cmd
}

// importFlags are the flags of an import.
type importFlags struct {
	node, address, configID, secrets, output string
	force, asJSON                            bool
}

// importReport is the JSON of an import.
type importReport struct {
	Complete bool             `json:"complete"`
	Config   string           `json:"config"`
	Findings []draft.Finding  `json:"findings"`
	Secrets  []importSecret   `json:"secrets"`
	Problems []config.Problem `json:"problems,omitempty"` // why the configuration does not load
}

type importSecret struct {
	Path    string `json:"path"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Written bool   `json:"written"`

	content []byte
}

// finish writes the files, says what does not load, and prints the report.
func (r *importReport) finish(cmd *cobra.Command, path string, f *importFlags) error {
	if r.Findings == nil {
		r.Findings = []draft.Finding{}
	}
	if r.Secrets == nil {
		r.Secrets = []importSecret{}
	}
	if err := r.save(f); err != nil {
		return withCode(exitFailed, err)
	}
	_, err := config.Parse(path, []byte(r.Config))
	var mistakes *config.Errors
	if errors.As(err, &mistakes) {
		r.Problems, r.Complete = mistakes.Problems, false
	}
	return r.print(cmd, f)
}

// save writes the secrets and the configuration into their files, if there are any.
func (r *importReport) save(f *importFlags) error {
	for i := range r.Secrets {
		s := &r.Secrets[i]
		if s.Written = f.secrets != "" && len(s.content) > 0; !s.Written {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
			return err
		}
		if err := create(s.Path, s.content, 0o600, f.force); err != nil {
			return err
		}
	}
	if f.output == "" {
		return nil
	}
	return create(f.output, []byte(r.Config), 0o644, f.force)
}

// create writes a new file; one that is there is replaced with force only.
func create(path string, content []byte, mode os.FileMode, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	file, err := os.OpenFile(path, flags, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("write %s: is there already: --force overwrites it", path)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

func (r *importReport) print(cmd *cobra.Command, f *importFlags) error {
	out, list := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if f.asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return withCode(exitFailed, err)
		}
	} else {
		if f.output == "" {
			fmt.Fprint(out, r.Config)
		}
		for _, finding := range r.Findings {
			fmt.Fprintln(list, finding)
		}
		for _, p := range r.Problems {
			fmt.Fprintln(list, "the configuration does not load yet:", p)
		}
	}
	if !r.Complete {
		return withCode(exitIncomplete, nil)
	}
	return nil
}

// places are the address and the directory that the flags name.
func (f *importFlags) places() (address netip.Addr, secrets string, err error) {
	if f.address != "" {
		if address, err = netip.ParseAddr(f.address); err != nil {
			return address, "", fmt.Errorf("--address %s: is not an IP address: write one such as 10.0.1.10", f.address)
		}
	}
	if f.secrets != "" {
		if secrets, err = filepath.Abs(f.secrets); err != nil {
			return address, "", fmt.Errorf("--secrets %w", err)
		}
	}
	return address, secrets, nil
}

// lookPath is the absolute path of a program; empty: not found.
func lookPath(program string) string {
	path, err := exec.LookPath(program)
	if err != nil || !filepath.IsAbs(path) {
		return ""
	}
	return path
}
