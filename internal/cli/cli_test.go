package cli_test

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/cli"
)

// A command line that names a command makes that command alone, the same as among all others.
func TestLeaf(t *testing.T) {
	environment(t)
	leaves := 0
	for _, among := range cli.Root().Commands() {
		if among.HasSubCommands() || among.Name() == "help" {
			continue
		}
		leaves++
		root := cli.Leaf(among.Name(), "--help")
		made := root.Commands()
		if len(made) != 1 || made[0].Name() != among.Name() {
			t.Errorf("furl %s has %d commands, the first of them %s", among.Name(), len(made), made[0].Name())
			continue
		}
		if got, want := made[0].UsageString(), among.UsageString(); got != want {
			t.Errorf("furl %s has the usage\n%s\nwant\n%s", among.Name(), got, want)
		}
		if got, want := flags(made[0]), flags(among); !slices.Equal(got, want) {
			t.Errorf("furl %s has the flags %q, want %q", among.Name(), got, want)
		}
	}
	if leaves < 10 {
		t.Errorf("only %d commands have no commands below them", leaves)
	}
	for _, args := range [][]string{nil, {"policy", "lnit"}, {"help", "call"}, {"__complete", "c"}, {"cal"}, {"--help"}} {
		if made := cli.Leaf(args...).Commands(); len(made) <= leaves {
			t.Errorf("furl %q has only %d commands", args, len(made))
		}
	}
}

func flags(command *cobra.Command) (names []string) {
	command.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
