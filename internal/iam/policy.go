package iam

import (
	"encoding/json"
	"fmt"

	"github.com/furl-dev/furl/policy"
)

// Policy is a policy document: its text as the client gave it and what it compiles to. It is stored as its text.
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

type storedPolicy struct {
	Text string
	Kind policy.Kind
}

// MarshalJSON writes the text and kind.
func (p Policy) MarshalJSON() ([]byte, error) { return json.Marshal(storedPolicy{p.Text, p.Kind}) }

// UnmarshalJSON reads what MarshalJSON wrote and compiles it.
func (p *Policy) UnmarshalJSON(data []byte) error {
	var stored storedPolicy
	if err := json.Unmarshal(data, &stored); err != nil {
		return fmt.Errorf("stored policy: %w", err)
	}
	if stored.Text == "" { // none was set
		*p = Policy{}
		return nil
	}
	parsed, err := ParsePolicy(stored.Text, stored.Kind)
	if err != nil {
		return fmt.Errorf("stored policy: %w", err)
	}
	*p = parsed
	return nil
}
