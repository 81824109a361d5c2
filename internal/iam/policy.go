package iam

import "github.com/furl-dev/furl/policy"

// Policy is a policy document: its text as the client gave it and what it compiles to.
type Policy struct {
	Text     string
	Kind     policy.Kind
	Document *policy.Document
}

// ParsePolicy compiles a policy's text. The error lists every fault of it.
func ParsePolicy(text string, kind policy.Kind) (Policy, error) {
	document, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return Policy{}, err
	}
	return Policy{Text: text, Kind: kind, Document: document}, nil
}
