package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// topic is what a manual says of one command.
type topic struct {
	Name, Summary, Usage string
	Above                string  // the name of the command that it belongs to
	Description          []block // without the exit status
	Exit                 string
	Flags                []item
	Commands             []item
	Examples             string
}

// block is a paragraph, or lines that stay as they are.
type block struct {
	Text     string
	Verbatim bool
}

// item is a flag or a command with what it does.
type item struct{ Name, Text string }

// topicsOf are those of a command and of all below it.
func topicsOf(command *cobra.Command) []topic {
	command.InitDefaultHelpFlag()
	t := topic{Name: command.CommandPath(), Summary: command.Short, Usage: command.UseLine()}
	if command.HasParent() {
		t.Above = command.Parent().CommandPath()
	}
	if command.HasAvailableSubCommands() {
		t.Usage = t.Name + " COMMAND [flags]"
	}
	long := command.Long
	if long == "" {
		long = command.Short + "."
	}
	t.Description, t.Exit = blocksOf(long)
	t.Examples = unindented(command.Example)
	command.LocalFlags().VisitAll(func(f *pflag.Flag) { t.flag(f) })
	command.InheritedFlags().VisitAll(func(f *pflag.Flag) { t.flag(f) })
	var below []topic
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() {
			t.Commands = append(t.Commands, item{child.CommandPath(), child.Short})
			below = append(below, topicsOf(child)...)
		}
	}
	return append([]topic{t}, below...)
}

// flag adds a flag as the help shows it.
func (t *topic) flag(f *pflag.Flag) {
	alone := pflag.NewFlagSet("", pflag.ContinueOnError)
	alone.AddFlag(f)
	if name, text, shown := strings.Cut(strings.TrimSpace(alone.FlagUsages()), "   "); shown {
		t.Flags = append(t.Flags, item{name, strings.TrimSpace(text)})
	}
}

// page is the name of the man page.
func (t topic) page() string { return strings.ReplaceAll(t.Name, " ", "-") }

// blocksOf reads a help text: empty lines part paragraphs, and lines that are indented are code or a table.
func blocksOf(help string) (blocks []block, exit string) {
	var current block
	end := func() {
		text := strings.TrimRight(current.Text, "\n")
		switch status, isExit := strings.CutPrefix(text, "Exit status: "); {
		case text == "":
		case isExit:
			exit = status
		case current.Verbatim:
			blocks = append(blocks, block{unindented(text), true})
		default:
			blocks = append(blocks, block{strings.TrimPrefix(text, "#### "), false}) // as cobra has headings
		}
		current = block{}
	}
	for line := range strings.Lines(help) {
		indented := strings.TrimLeft(line, " \t") != line && strings.TrimSpace(line) != ""
		switch {
		case strings.TrimSpace(line) == "":
			end()
			continue
		case indented != current.Verbatim:
			end()
			current.Verbatim = indented
		}
		current.Text += line
	}
	end()
	return blocks, exit
}

// unindented is text without the indentation that all of its lines have.
func unindented(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	common := -1
	for _, line := range lines {
		if trimmed := strings.TrimLeft(line, " \t"); trimmed != "" && (common < 0 || len(line)-len(trimmed) < common) {
			common = len(line) - len(trimmed)
		}
	}
	for i, line := range lines {
		lines[i] = line[min(max(common, 0), len(line)):]
	}
	return strings.Join(lines, "\n")
}

// roff writes text for troff so that it prints, and copies, as it is.
func roff(text string) string {
	text = strings.NewReplacer(
		`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`,
	).Replace(text)
	var escaped strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ".") {
			escaped.WriteString(`\&`) // no request
		}
		for _, char := range line {
			if char < 0x80 {
				escaped.WriteRune(char)
			} else {
				fmt.Fprintf(&escaped, `\[u%04X]`, char)
			}
		}
	}
	return escaped.String()
}

// man is the man page of a command.
func (t topic) man(version string, date time.Time) string {
	var b strings.Builder
	section := func(name string) { fmt.Fprintf(&b, ".SH %s\n", name) }
	items := func(name string, items []item) {
		if len(items) == 0 {
			return
		}
		section(name)
		for _, i := range items {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", roff(i.Name), roff(i.Text))
		}
	}
	verbatim := func(text string) { fmt.Fprintf(&b, ".PP\n.RS 4\n.nf\n%s\n.fi\n.RE\n", roff(text)) }
	fmt.Fprintf(&b, ".TH \"%s\" 1 \"%s\" \"%s\" \"furl manual\"\n", roff(strings.ToUpper(t.page())),
		roff(date.Format(time.DateOnly)), roff("furl "+version))
	b.WriteString(".nh\n.ad l\n") // words that are typed must not be parted
	section("NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(t.page()), roff(t.Summary))
	section("SYNOPSIS")
	fmt.Fprintf(&b, "\\fB%s\\fR%s\n", roff(t.Name), roff(strings.TrimPrefix(t.Usage, t.Name)))
	section("DESCRIPTION")
	for _, paragraph := range t.Description {
		if paragraph.Verbatim {
			verbatim(paragraph.Text)
		} else {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(paragraph.Text))
		}
	}
	items("COMMANDS", t.Commands)
	items("OPTIONS", t.Flags)
	if t.Exit != "" {
		section(`"EXIT STATUS"`)
		b.WriteString(roff(t.Exit) + "\n")
	}
	if t.Examples != "" {
		section("EXAMPLES")
		verbatim(t.Examples)
	}
	var also []string
	if t.Above != "" {
		also = append(also, t.Above)
	}
	for _, c := range t.Commands {
		also = append(also, c.Name)
	}
	if len(also) > 0 {
		section(`"SEE ALSO"`)
		for i, name := range also {
			comma := ","
			if i == len(also)-1 {
				comma = ""
			}
			fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(strings.ReplaceAll(name, " ", "-")), comma)
		}
	}
	return b.String()
}

//go:embed manual.html
var manual string

// html is the page of all commands: one file, without scripts and without anything from elsewhere.
func html(topics []topic, version string) ([]byte, error) {
	anchor := func(name string) string { return strings.ReplaceAll(name, " ", "-") }
	page, err := template.New("").Funcs(template.FuncMap{"anchor": anchor}).Parse(manual)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{"Topics": topics, "Version": version})
	return out.Bytes(), err
}
