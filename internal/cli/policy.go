package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/policyio"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

func (p *program) policy() *cobra.Command {
	command := &cobra.Command{
		Use:   "policy",
		Short: "Evaluate and lint IAM policies offline",
		Long: `Evaluate and lint IAM policies offline, by the same rules as the server.

Exit status: see the commands.`,
		Example: "  furl policy lint resource-policy.json",
		Args:    noCommand,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(p.policyEvaluate(), p.policyLint())
	return command
}

func (p *program) policyEvaluate() *cobra.Command {
	var input string
	command := &cobra.Command{
		Use:   "evaluate",
		Short: "Decide requests, one JSON object a line",
		Long: `Decide requests, one JSON object a line:
{"id","principal","action","resource","resourceAccount","context":{},
"identityPolicies":[],"resourcePolicy":null,"permissionBoundary":null,"sessionPolicy":null,"SCPs":[[…]…]}. The
principal is an ARN, a service's name or Anonymous; a role's session is given by its ARN. Every condition key must be
in the context; several values are a list. The first level of SCPs is the root's.

One line comes out for each: {"id","decision","matched":[…],"reason"}, with the decision Allowed, ImplicitlyDenied or
ExplicitlyDenied. An implicit deny comes with the nearest misses and the statements that would allow the request, for
function URLs also as CLI command, CloudFormation (SAM takes it too) and Terraform.

` + exitStatus(status{exitOK: "every line was decided", exitFailed: "some line could not be understood"},
			exitUsage, exitInterrupted),
		Example: `  echo '{"id":"1","principal":"arn:aws:iam::111122223333:user/alice","action":"lambda:InvokeFunctionUrl",` +
			`"resource":"arn:aws:lambda:eu-west-1:111122223333:function:web","identityPolicies":[{"Version":"2012-10-17",` +
			`"Statement":{"Effect":"Allow","Action":"lambda:*","Resource":"*"}}]}' | furl policy evaluate`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			in, err := p.open(input)
			if err != nil {
				return err
			}
			defer in.Close()
			out := bufio.NewWriter(p.streams.Out)
			summary, err := policyio.Run(command.Context(), in, out)
			if err := errors.Join(err, out.Flush()); err != nil {
				return err
			}
			if summary.Invalid > 0 {
				return fail(linesInvalid, fmt.Errorf("%d lines could not be understood", summary.Invalid))
			}
			return nil
		},
	}
	command.Flags().StringVar(&input, "input", "-", "file to read, - for standard input")
	command.Flags().Bool("json", true, "print JSON, which is the only form")
	return command
}

// open opens a file for reading, or standard input for "-".
func (p *program) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(p.streams.In), nil
	}
	return os.Open(path)
}

func (p *program) policyLint() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Find what is likely wrong with policies for function URLs",
		Long: `Find what is likely wrong with policies for function URLs, before it denies anything: a missing second
action, one statement conditioned on both keys, a grant on versions only, a grant that opens direct invocation too, a
principal that is everyone, a service that never signs. The command reads the files together, so that two of them may
complete each other. - is standard input. A file may also be what aws lambda get-policy printed; lines and columns are
then those of the policy inside.

` + exitStatus(status{
			exitOK: "nothing is wrong", exitFailed: "something is wrong", exitUsage: "wrong usage, or a file is not a policy",
		}),
		Example: "  aws lambda get-policy --function-name web --query Policy --output text | furl policy lint -",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, paths []string) error {
			documents, err := p.readPolicies(command, paths)
			if err != nil {
				return err
			}
			findings := urllint.Lint(documents...)
			if err := p.printFindings(findings, asJSON); err != nil {
				return err
			}
			if len(findings) == 0 {
				return nil
			}
			count := fmt.Errorf("%d findings", len(findings))
			if len(findings) == 1 {
				count = errors.New("1 finding")
			}
			return fail(lintFindings, count, strings.Join(paths, " "))
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each finding")
	return command
}

// readPolicies reads the files. Its error has everything that is wrong with all of them.
func (p *program) readPolicies(command *cobra.Command, paths []string) ([]policy.Named, error) {
	var documents []policy.Named
	var faults []error
	for _, path := range paths {
		text, err := p.readPolicy(path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		document, err := policy.Parse(text, policy.GuessKind(text))
		var wrong policy.Faults
		if errors.As(err, &wrong) {
			for _, fault := range wrong {
				faults = append(faults, fmt.Errorf("%s:%w", path, fault))
			}
			continue
		}
		documents = append(documents, policy.Named{Name: path, Document: document})
	}
	if len(faults) > 0 {
		return nil, usage(command, errors.Join(faults...))
	}
	return documents, nil
}

func (p *program) readPolicy(path string) ([]byte, error) {
	in, err := p.open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, 2*policy.MaxSize)) // Parse refuses what is too large
	if err != nil {
		return nil, err
	}
	var answer struct{ Policy *string } // of get-policy, with the policy as a string; a policy has no element Policy
	if json.Unmarshal(text, &answer) == nil && answer.Policy != nil {
		text = []byte(*answer.Policy)
	}
	return text, nil
}

func (p *program) printFindings(findings []urllint.Finding, asJSON bool) error {
	encoder := json.NewEncoder(p.streams.Out)
	encoder.SetEscapeHTML(false)
	for _, finding := range findings {
		start, _ := finding.Position()
		if asJSON {
			err := encoder.Encode(struct {
				File     string `json:"file"`
				Line     int    `json:"line"`
				Column   int    `json:"column"`
				Path     string `json:"path"`
				Sid      string `json:"sid,omitempty"`
				Rule     string `json:"rule"`
				Severity string `json:"severity"`
				Message  string `json:"message"`
				Fix      string `json:"fix"`
			}{
				finding.Policy, start.Line, start.Column, finding.Path(), finding.Sid(), string(finding.Rule),
				finding.Severity.String(), finding.Message, finding.Fix,
			})
			if err != nil {
				return err
			}
			continue
		}
		_, err := fmt.Fprintf(p.streams.Out, "%s:%d:%d: %s: %s [%s]\n  fix: %s\n",
			finding.Policy, start.Line, start.Column, finding.Severity, finding.Message, finding.Rule, finding.Fix)
		if err != nil {
			return err
		}
	}
	return nil
}
