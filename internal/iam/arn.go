package iam

import "strings"

// RootARN is the principal of an account's root user, and of the account as a whole.
func RootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// SessionARN is the principal of an assumed-role session. The role's path is not part of it (IAM User Guide, "IAM
// identifiers").
func SessionARN(account, roleName, sessionName string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + roleName + "/" + sessionName
}

// PrincipalARN is an IAM or STS ARN taken apart: arn:aws:SERVICE::ACCOUNT:TYPE[/PATH]/NAME.
type PrincipalARN struct {
	Service string // iam or sts
	Account string
	Type    string // root, user, role, assumed-role, federated-user, policy
	Path    string // "/" or "/division/"; always "/" for what has no path
	Name    string // for an assumed role ROLE/SESSION
}

// ParseARN takes the ARN of an IAM or STS principal or policy apart. ok is false for any other text.
func ParseARN(text string) (PrincipalARN, bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != "aws" || parts[3] != "" {
		return PrincipalARN{}, false
	}
	arn := PrincipalARN{Service: parts[2], Account: parts[4], Path: "/"}
	if arn.Service != "iam" && arn.Service != "sts" {
		return PrincipalARN{}, false
	}
	kind, rest, hasName := strings.Cut(parts[5], "/")
	arn.Type = kind
	if kind == "root" {
		return arn, !hasName
	}
	if !hasName || rest == "" {
		return PrincipalARN{}, false
	}
	arn.Name = rest
	if arn.Service == "iam" {
		if slash := strings.LastIndexByte(rest, '/'); slash >= 0 {
			arn.Path, arn.Name = "/"+rest[:slash+1], rest[slash+1:]
		}
	}
	return arn, arn.Name != ""
}
