//go:build !unix

package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (p *program) serve() *cobra.Command { return elsewhere(describeServe()) }
func (p *program) dev() *cobra.Command   { return elsewhere(describeDev()) }
func (p *program) exec() *cobra.Command  { return elsewhere(describeExec()) }
func (p *program) demo() *cobra.Command  { return elsewhere(describeDemo()) }
func (p *program) ca() *cobra.Command    { return elsewhere(describeCA()) }

// elsewhere has a command say, with any arguments, that this system does not run it.
func elsewhere(command *cobra.Command) *cobra.Command {
	const needs = "needs Linux, macOS or WSL"
	command.Short += " (" + needs + ")"
	command.Long = fmt.Sprintf("This command %s. On %s it only says so.\n\n%s", needs, runtime.GOOS, command.Long)
	command.Args = cobra.ArbitraryArgs
	command.FParseErrWhitelist.UnknownFlags = true
	command.RunE = func(command *cobra.Command, _ []string) error {
		return fail(notHere, fmt.Errorf("%s %s, and this is %s", command.CommandPath(), needs, runtime.GOOS))
	}
	return command
}

// runFunction reports that the program is no function of the demo.
func runFunction() (failed error, is bool) { return nil, false }

func takeSignals() {}
