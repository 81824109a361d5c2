package cli_test

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/cli"
)

// completing is the whole command line, as it answers a shell.
func completing(t *testing.T) *cobra.Command {
	t.Helper()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, t.TempDir())
	}
	return cli.Completing()
}

// eachFlag visits all flags of all commands that take a value.
func eachFlag(root *cobra.Command, visit func(*cobra.Command, *pflag.Flag)) {
	root.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "bool" && f.NoOptDefVal != "true" {
			visit(root, f)
		}
	})
	for _, child := range root.Commands() {
		eachFlag(child, visit)
	}
}

// Each flag with a value has a completion, which may be that nobody but the person knows what it is.
func TestEveryFlagHasACompletion(t *testing.T) {
	flags := 0
	eachFlag(completing(t), func(command *cobra.Command, f *pflag.Flag) {
		flags++
		if _, ok := command.GetFlagCompletionFunc(f.Name); !ok {
			t.Errorf("%s --%s has no completion: add it to flagCompletion, as freeText if there is none", command.CommandPath(), f.Name)
		}
	})
	if flags < 200 {
		t.Errorf("only %d flags", flags)
	}
}

// Each command whose arguments are not subcommands says what they are.
func TestEveryArgumentHasACompletion(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(command *cobra.Command) {
		_, argument, _ := strings.Cut(command.Use, " ")
		takes, path := strings.Trim(argument, "[]") != "", command.CommandPath()
		cobras := strings.HasPrefix(path, "furl help") || strings.HasPrefix(path, "furl completion")
		if !cobras && takes != (command.ValidArgsFunction != nil) {
			t.Errorf("%s takes %q; it has a completion: %t", path, argument, command.ValidArgsFunction != nil)
		}
		for _, child := range command.Commands() {
			visit(child)
		}
	}
	for _, command := range completing(t).Commands() {
		visit(command)
	}
}

// notInHelp are flags whose words are too many for a help text, or whose help says them in other words.
var notInHelp = []string{"request", "method", "runtime", "region", "service", "context", "cors-allow-methods", "level"}

// The words that furl offers are those that the flag's help names.
func TestWordsAreThoseOfTheHelp(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
	checked := 0
	eachFlag(completing(t), func(command *cobra.Command, f *pflag.Flag) {
		if strings.Contains(f.Usage, "`") { // the shell shows it as it is
			t.Errorf("%s --%s is described as %q", command.CommandPath(), f.Name, f.Usage)
		}
		complete, ok := command.GetFlagCompletionFunc(f.Name)
		if !ok || slices.Contains(notInHelp, f.Name) {
			return
		}
		switch f.Name {
		case "as", "to", "from", "role-arn", "role", "user", "account", "endpoint-url", "profile", "caller-profile", "qualifier",
			"function":
			if command.Name()+f.Name != "signas" {
				return // they ask
			}
		}
		offered, _ := complete(command, nil, "")
		for _, word := range offered {
			checked++
			if !strings.Contains(f.Usage, word) {
				t.Errorf("%s --%s offers %s, but its help is %q", command.CommandPath(), f.Name, word, f.Usage)
			}
		}
	})
	if checked < 60 {
		t.Errorf("only %d words", checked)
	}
}

// Lambda takes the runtimes that are offered.
func TestOfferedRuntimesAreThoseOfTheServer(t *testing.T) {
	text, err := os.ReadFile("../controlplane/lambdaapi/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	_, current, _ := strings.Cut(string(text), "currentRuntimes = []string{")
	current, _, _ = strings.Cut(current, "}")
	dev, _, err := completing(t).Find([]string{"dev"})
	if err != nil {
		t.Fatal(err)
	}
	complete, _ := dev.GetFlagCompletionFunc("runtime")
	offered, _ := complete(dev, nil, "")
	if len(offered) < 5 {
		t.Errorf("only %q", offered)
	}
	for _, runtime := range offered {
		if !strings.Contains(current, `"`+runtime+`"`) {
			t.Errorf("%s is not a runtime", runtime)
		}
	}
}

func TestKeptNames(t *testing.T) {
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} { // of Linux, macOS and Windows
		t.Setenv(name, t.TempDir())
	}
	now := time.Now()
	kept, other := cli.NewKeptNames("functions", "eu-central-1"), cli.NewKeptNames("functions", "eu-central", "-1")
	if _, ok := kept.Read(now); ok {
		t.Error("there are names before any were written")
	}
	other.Write([]string{"b"}, now)
	kept.Write([]string{"a"}, now)
	info, err := os.Stat(kept.File())
	if err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", info, err)
	}
	names, ok := kept.Read(now.Add(59 * time.Second))
	if !ok || !slices.Equal(names, []string{"a"}) {
		t.Errorf("%q, %t", names, ok)
	}
	for _, late := range []time.Duration{time.Hour, 62 * time.Second, -2 * time.Minute} {
		if names, ok := kept.Read(now.Add(late)); ok {
			t.Errorf("after %v: %q", late, names)
		}
	}
	kept.Write([]string{"c"}, now.Add(time.Hour))
	if _, err := os.Stat(other.File()); !os.IsNotExist(err) {
		t.Errorf("a list that is too old is still there: %v", err)
	}
	many := make([]string, 6000)
	for i := range many {
		many[i] = "n"
	}
	kept.Write(many, now)
	if names, ok := kept.Read(now); !ok || len(names) != 5000 {
		t.Errorf("%d names, %t", len(names), ok)
	}
	kept.Write([]string{strings.Repeat("x", 2<<20)}, now)
	if names, _ := kept.Read(now); len(names) != 5000 {
		t.Errorf("%d names", len(names))
	}
	if err := os.WriteFile(kept.File(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, ok := kept.Read(now); ok {
		t.Errorf("a damaged file has %q", names)
	}
}
