package routeserver

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// State is what a route server sees of its nodes: how many BGP sessions are
// established, and how many BFD sessions are Up.
type State struct{ Established, PathsUp int }

// Query asks a running route server, whose files are in dir, for its state. It
// may be called from any network namespace of the same mounts.
func Query(kind, dir string) (State, error) {
	if kind == FRR {
		return queryFRR(dir)
	}
	return queryBIRD(dir)
}

func queryBIRD(dir string) (s State, err error) {
	client, err := find("birdc")
	if err != nil {
		return s, err
	}
	for _, table := range []struct {
		command, word string
		column        int
		count         *int
	}{
		{"show protocols", "Established", 5, &s.Established}, // node0 BGP --- up 12:00:00.000 Established
		{"show bfd sessions", "Up", 2, &s.PathsUp},           // 10.0.1.10 --- Up 12:00:00.000 0.010 0.030
	} {
		text, err := exec.Command(client, append([]string{"-s", filepath.Join(dir, "bird.ctl")}, strings.Fields(table.command)...)...).Output()
		if err != nil && table.count == &s.Established { // without BFD, asking for its sessions is an error
			return s, fmt.Errorf("ask bird for %s: %w", table.command, err)
		}
		*table.count = rows(string(text), table.column, table.word)
	}
	return s, nil
}

// rows counts the lines of a table that have a word in a column.
func rows(text string, column int, word string) (n int) {
	for _, line := range strings.Split(text, "\n") {
		if fields := strings.Fields(line); len(fields) > column && fields[column] == word {
			n++
		}
	}
	return n
}

func queryFRR(dir string) (s State, err error) {
	var peers []struct{ Status string }
	if err := vtysh(dir, "show bfd peers json", &peers); err == nil { // without bfdd there is no answer
		for _, p := range peers {
			if p.Status == "up" {
				s.PathsUp++
			}
		}
	}
	var summary map[string]struct {
		Peers map[string]struct{ State string }
	}
	if err := vtysh(dir, "show bgp summary json", &summary); err != nil {
		return s, err
	}
	for _, family := range summary {
		for _, p := range family.Peers {
			if p.State == "Established" {
				s.Established++
			}
		}
	}
	return s, nil
}

func vtysh(dir, command string, answer any) error {
	text, err := exec.Command("vtysh", "--vty_socket", dir, "-c", command).Output()
	if err != nil {
		return fmt.Errorf("ask FRR for %s: %w", command, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("ask FRR for %s: %w", command, err)
	}
	return nil
}
