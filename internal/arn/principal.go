package arn

import (
	"cmp"
	"strings"
)

// Principal is the ARN of a principal or policy of IAM or STS: arn:PARTITION:SERVICE::ACCOUNT:TYPE[/PATH]/NAME.
type Principal struct {
	Partition string // "" is aws
	Service   string // iam or sts
	Account   string // twelve digits, or aws for a policy of AWS's own
	Type      string // root, user, role, assumed-role, federated-user, policy, …
	Path      string // "/" or "/division/"; "" and "/" are the same
	Name      string // for an assumed role ROLE/SESSION; "" for root
}

// String is the ARN.
func (p Principal) String() string {
	path := cmp.Or(p.Path, "/")
	if p.Type == root {
		path = ""
	}
	return "arn:" + cmp.Or(p.Partition, AWS) + ":" + p.Service + "::" + p.Account + ":" + p.Type + path + p.Name
}

// root is the type of an account's root user, which has no name.
const root = "root"

// In is the principal in the partition.
func (p Principal) In(partition string) Principal {
	p.Partition = partition
	return p
}

// IAM is a principal or policy that IAM keeps.
func IAM(account, kind, path, name string) Principal {
	return Principal{Service: "iam", Account: account, Type: kind, Path: path, Name: name}
}

// Root is the root user of an account, and the account as a whole.
func Root(account string) Principal { return IAM(account, root, "", "") }

// Session is a session of a role. The role's path is not part of it (IAM User Guide, "IAM identifiers").
func Session(account, role, session string) Principal {
	return Principal{Service: "sts", Account: account, Type: "assumed-role", Name: role + "/" + session}
}

// FederatedUser is a session that GetFederationToken began.
func FederatedUser(account, name string) Principal {
	return Principal{Service: "sts", Account: account, Type: "federated-user", Name: name}
}

// ParsePrincipal reads the ARN of a principal or policy of IAM or STS, in any partition.
func ParsePrincipal(text string) (Principal, error) {
	refusal := refuse("%q is not the ARN of a principal or policy: arn:PARTITION:iam::ACCOUNT:TYPE/NAME", text)
	named, err := Parse(text)
	if err != nil || named.Region != "" || !IsPartition(named.Partition) ||
		named.Service != "iam" && named.Service != "sts" {
		return Principal{}, refusal
	}
	kind, name, _ := strings.Cut(named.Resource, "/")
	p := Principal{named.Partition, named.Service, named.Account, kind, "/", name}
	if p.Partition == AWS {
		p.Partition = ""
	}
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 && p.Service == "iam" {
		p.Path, p.Name = "/"+name[:slash+1], name[slash+1:]
	}
	ownPolicy := p.Account == "aws" && kind == "policy"
	if !IsAccount(p.Account) && !ownPolicy || kind == "" || (kind == root) != (named.Resource == root) ||
		kind != root && p.Name == "" {
		return Principal{}, refusal
	}
	return p, nil
}
