package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/setup"
)

// planner is a method of setup.Granter.
type planner = func(*setup.Granter, context.Context, setup.Request) (*setup.Plan, error)

func (p *program) revoke() *cobra.Command {
	var flags grantFlags
	command := &cobra.Command{
		Use:   "revoke FUNCTION --from PRINCIPAL",
		Short: "End what furl grant gave a principal",
		Long: `End what furl grant gave a principal: the statements of the function's policy and the caller's own policy, and
statements that somebody else made which give the same principal the same and nothing more. What also lets the
principal call, but was given for more than that, stays and is named.

` + principalHelp + `

Exit status: 0 revoked, or shown what would be, 1 failed, and told how far it got, ` + exitStatusAWS,
		Example: "  furl revoke my-function-with-url --from function:my-calling-function",
		Args:    cobra.ExactArgs(1),
		RunE: runCloud(func(command *cobra.Command, args []string) error {
			if flags.print != "" && flags.print != "cli" {
				return usage(command, errors.New("code says what is there, not what is gone: remove the resources that furl grant --print wrote; only cli can be printed"))
			}
			return p.runGrant(command, flags, args[0], (*setup.Granter).Revoke)
		}),
	}
	flags.register(p, command, "from", "who is to be let in no longer")
	command.Flags().StringVar(&flags.via, "via", "", "look only at the function's policy (resource) or the caller's own (identity)")
	command.Flags().StringVar(&flags.print, "print", "", "write commands instead of acting: cli")
	return command
}
