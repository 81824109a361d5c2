//go:build unix

package apply

import (
	"context"

	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
)

// permission is a statement as it is declared, or present. Function is a name, and the qualifier stands beside it.
type permission struct {
	template.Permission
	qualifier string
	now       *lambda.Permission // of one that is present
}

func (p *permission) key() key {
	return key{"permission", p.StatementID + " of " + lambda.ARN{Name: p.Function, Qualifier: p.qualifier}.Short()}
}

func (p *permission) parts() []part {
	return []part{{key{kindFunction, p.Function}, partStatement, p.qualifier + "/" + p.StatementID}}
}

// statement is the permission as a policy has it.
func (p *permission) statement() lambda.Permission {
	if p.now != nil {
		return *p.now
	}
	made := lambda.Permission{
		StatementID: p.StatementID, Action: p.Action, SourceARN: p.SourceARN, SourceAccount: p.SourceAccount,
		EventSourceToken: p.EventSourceToken, PrincipalOrgID: p.OrganizationID, FunctionURLAuthType: p.AuthType,
	}
	switch principal, err := arn.ParsePrincipal(p.Principal); {
	case p.Principal == "*":
		made.Principal.Anyone = true
	case arn.IsAccount(p.Principal):
		made.Principal.AWS = arn.Root(p.Principal).String()
	case err == nil:
		made.Principal.AWS = principal.String()
	case isPrincipalID(p.Principal):
		made.Principal.AWS = p.Principal
	default:
		made.Principal.Service = p.Principal
	}
	if p.InvokedViaFunctionURL {
		yes := true
		made.InvokedViaURL = &yes
	}
	return made
}

// isPrincipalID reports whether a principal is the unique id of a user or role.
func isPrincipalID(text string) bool {
	return len(text) > 16 && (text[:4] == "AIDA" || text[:4] == "AROA")
}

func (p *permission) properties() (all properties) {
	s := p.statement()
	all.add("Action", s.Action)
	switch {
	case s.Principal.Anyone:
		all.add("Principal", "*")
	case s.Principal.Service != "":
		all.add("Principal", s.Principal.Service)
	default:
		all.add("Principal", s.Principal.AWS)
	}
	all.add("FunctionUrlAuthType", string(s.FunctionURLAuthType))
	if s.InvokedViaURL != nil && *s.InvokedViaURL {
		all.add("InvokedViaFunctionUrl", "true")
	} else if s.InvokedViaURL != nil {
		all.add("InvokedViaFunctionUrl", "false")
	}
	all.add("SourceArn", s.SourceARN)
	all.add("SourceAccount", s.SourceAccount)
	all.add("PrincipalOrgID", s.PrincipalOrgID)
	if s.EventSourceToken != "" {
		all = append(all, property{"EventSourceToken", s.EventSourceToken, true})
	}
	return all
}

func (p *permission) present(w *world) thing {
	f := w.functions[p.Function]
	if f == nil {
		return nil
	}
	found, ok := f.statements[p.qualifier][p.StatementID]
	if !ok {
		return nil
	}
	have := *p
	have.now = &found
	return &have
}

func (p *permission) attributes() map[string]string { return nil }

// put adds the statement. There is no operation that changes one, so one that differs is removed before.
func (p *permission) put(ctx context.Context, r *run, was thing) (thing, error) {
	if was != nil {
		if err := r.a.removePart(ctx, p.parts()[0]); err != nil {
			return nil, err
		}
	}
	s := p.statement()
	_, err := r.a.lambda.AddPermission(ctx, &awslambda.AddPermissionInput{
		FunctionName: &p.Function, Qualifier: optional(p.qualifier), StatementId: &s.StatementID, Action: &s.Action,
		Principal: &p.Principal, SourceArn: optional(s.SourceARN), SourceAccount: optional(s.SourceAccount),
		EventSourceToken: optional(s.EventSourceToken), PrincipalOrgID: optional(s.PrincipalOrgID),
		FunctionUrlAuthType: types.FunctionUrlAuthType(s.FunctionURLAuthType), InvokedViaFunctionUrl: s.InvokedViaURL,
	})
	return p, err
}

// resourcePolicy is a whole policy as it is declared or present. Function is a name.
type resourcePolicy struct {
	template.ResourcePolicy
	qualifier string
}

func (p *resourcePolicy) key() key {
	return key{"resource policy of", lambda.ARN{Name: p.Function, Qualifier: p.qualifier}.Short()}
}

func (p *resourcePolicy) parts() []part {
	return []part{{key{kindFunction, p.Function}, partPolicy, p.qualifier}}
}

func (p *resourcePolicy) properties() (all properties) {
	all.add("Policy", canonical(p.Policy))
	return all
}

func (p *resourcePolicy) present(w *world) thing {
	f := w.functions[p.Function]
	if f == nil || f.policies[p.qualifier] == "" {
		return nil
	}
	have := *p
	have.Policy = f.policies[p.qualifier]
	return &have
}

func (p *resourcePolicy) attributes() map[string]string { return nil }

func (p *resourcePolicy) put(ctx context.Context, r *run, _ thing) (thing, error) {
	resource := r.a.functionARN(p.Function, p.qualifier).String()
	_, err := r.a.lambda.PutResourcePolicy(ctx, &awslambda.PutResourcePolicyInput{
		ResourceArn: &resource, Policy: &p.Policy,
	})
	return p, err
}
