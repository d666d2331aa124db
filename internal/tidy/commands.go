package tidy

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	inlineCode  = regexp.MustCompile("`((?:bin/)?stead [^`]+)`")
	commandLine = regexp.MustCompile(`^\s*(?:\$ |# |sudo )?((?:bin/)?stead [a-z].*)$`)
	longFlag    = regexp.MustCompile(`(?:^|[\s\[])--([a-z][a-z-]*)`)
)

// ofCobra are the verbs that the command-line library brings along.
var ofCobra = []string{"completion", "help"}

// Commands refuses commands in the documentation whose verb or flags the program
// does not have.
func Commands(t *Tree) (found []Finding) {
	flags := t.flagNames()
	for _, name := range t.names() {
		if path.Ext(name) != ".md" {
			continue
		}
		quoted := false
		for number, line := range strings.Split(t.Files[name], "\n") {
			quoted = quoted != fence.MatchString(line)
			for _, command := range commandsIn(line, quoted) {
				if text := t.unknown(command, flags); text != "" {
					found = append(found, Finding{name, number + 1, "`" + command + "`: " + text})
				}
			}
		}
	}
	return found
}

// commandsIn finds the commands of a line: between backticks, or, in a quoted
// block, the line itself.
func commandsIn(line string, quoted bool) (commands []string) {
	for _, match := range inlineCode.FindAllStringSubmatch(line, -1) {
		commands = append(commands, match[1])
	}
	if match := commandLine.FindStringSubmatch(line); match != nil && quoted {
		command, _, _ := strings.Cut(match[1], " #")
		commands = append(commands, strings.TrimSpace(command))
	}
	return commands
}

// unknown says what the program does not have of a command, or nothing.
func (t *Tree) unknown(command string, flags map[string]bool) string {
	verb := strings.Fields(command)[1]
	if regexp.MustCompile(`^[a-z]+$`).MatchString(verb) && !slices.Contains(ofCobra, verb) {
		if _, ok := t.Files["cmd/stead/"+verb+".go"]; !ok {
			return "no such verb"
		}
	}
	for _, match := range longFlag.FindAllStringSubmatch(command, -1) {
		if !flags[match[1]] && match[1] != "help" {
			return "no flag --" + match[1]
		}
	}
	return ""
}

var literal = regexp.MustCompile(`"([a-z][a-z-]*)"`)

// flagNames are the words in quotes in the code of the command line: every flag
// is among them.
func (t *Tree) flagNames() map[string]bool {
	names := map[string]bool{}
	for name, text := range t.Files {
		if strings.HasPrefix(name, "cmd/stead/") && strings.HasSuffix(name, ".go") && !isTest(name) {
			for _, match := range literal.FindAllStringSubmatch(text, -1) {
				names[match[1]] = true
			}
		}
	}
	return names
}
