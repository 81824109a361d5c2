package template

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/policy"
)

// identityName is the form of names of IAM.
var identityName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+=,.@-]+$`) })

// identity checks a name of IAM. What is left open is made up right.
func (p *reader) identity(property string, most int) string {
	return p.matching(property, "up to "+strconv.Itoa(most)+" letters, digits and +=,.@_-", func(text string) bool {
		return len(text) <= most && identityName().MatchString(text)
	})
}

// path is the Path of something of IAM.
func (p *reader) path() string {
	const most = 512
	return p.matching("Path", "a path that begins and ends with a slash, such as /service/", func(text string) bool {
		return len(text) <= most && strings.HasPrefix(text, "/") && strings.HasSuffix(text, "/") &&
			!strings.Contains(text, " ")
	})
}

// inline are the Policies of a role, a user or a group.
func (p *reader) inline() []Inline {
	var out []Inline
	for _, inner := range p.objects("Policies", shape{run: names("PolicyDocument PolicyName")}) {
		inner.need("PolicyDocument", "PolicyName")
		out = append(out, Inline{
			Name: inner.identity("PolicyName", maxPolicyName), Policy: inner.policy("PolicyDocument", policy.Identity),
		})
	}
	return out
}

func (p *reader) managed() []string {
	for _, item := range p.list("ManagedPolicyArns") {
		if item.Is(tree.String) && !p.e.isOpen(item) && !strings.HasPrefix(item.Text, "arn:") {
			p.wrong(item, "an item of ManagedPolicyArns", "the ARN of a policy")
		}
	}
	return p.made("ManagedPolicyArns")
}

// boundary is the PermissionsBoundary of a role or a user, "" for one of what is not run, since it has to be there.
func (p *reader) boundary() string {
	const name = "PermissionsBoundary"
	if n := p.get(name); p.e.isMadeUp(n) {
		p.l.unrunProperty(n.Pos, name, p.of)
		return ""
	}
	return p.arn(name, "the ARN of a policy")
}

func buildRole(p *reader) Value {
	const hour, halfDay, description = 3600, 43200, 1000
	p.identity("RoleName", maxIAMName)
	return &Role{
		Name: p.e.nameOf(p.r).Text, Path: p.path(), Description: p.upTo("Description", description),
		Trust: p.policy("AssumeRolePolicyDocument", policy.Trust), Managed: p.managed(), Inline: p.inline(),
		Boundary: p.boundary(), MaxSession: p.amount("MaxSessionDuration", hour, halfDay), Tags: p.tags(),
	}
}

func buildPolicy(p *reader) Value {
	v := &Policy{Inline: Inline{p.identity("PolicyName", maxPolicyName), p.policy("PolicyDocument", policy.Identity)}}
	for name, place := range map[string]*[]string{"Role": &v.Roles, "User": &v.Users, "Group": &v.Groups} {
		switch p.r.Type {
		case "AWS::IAM::Policy":
			*place = p.texts(name + "s")
		case "AWS::IAM::" + name + "Policy":
			if owner := p.text(name + "Name"); owner != "" {
				*place = []string{owner}
			}
		}
	}
	if p.r.Type == "AWS::IAM::Policy" && len(v.Roles)+len(v.Users)+len(v.Groups) == 0 {
		p.e.fault(p.pos, "%s has no Roles, Users or Groups, expected one of them at least", p.of)
	}
	return v
}

func buildManagedPolicy(p *reader) Value {
	const description = 1000
	p.identity("ManagedPolicyName", maxPolicyName)
	return &ManagedPolicy{
		Name: p.e.nameOf(p.r).Text, Path: p.path(), Description: p.upTo("Description", description),
		Policy: p.policy("PolicyDocument", policy.Identity), Roles: p.texts("Roles"), Users: p.texts("Users"),
		Groups: p.texts("Groups"),
	}
}

func buildUser(p *reader) Value {
	p.identity("UserName", maxIAMName)
	return &User{
		Name: p.e.nameOf(p.r).Text, Path: p.path(), Managed: p.managed(), Inline: p.inline(), Groups: p.texts("Groups"),
		Boundary: p.boundary(), Tags: p.tags(),
	}
}

func buildGroup(p *reader) Value {
	p.identity("GroupName", maxGroupName)
	return &Group{Name: p.e.nameOf(p.r).Text, Path: p.path(), Managed: p.managed(), Inline: p.inline()}
}

func buildMembership(p *reader) Value {
	return &Membership{Group: p.text("GroupName"), Users: p.texts("Users")}
}

func buildAccessKey(p *reader) Value {
	return &AccessKey{User: p.text("UserName"), Status: p.oneOf("Status", "Active", "Inactive")}
}
