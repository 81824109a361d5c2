package controlplane

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/policy"
)

// Messages seals the reasons of refusals into the encoded authorization messages that DecodeAuthorizationMessage of
// STS opens: who may not see the policies is not told what they say. AWS has such messages in the refusals of some
// services; furl sends one with each refusal of IAM and STS, in a header. They are good for as long as the server runs.
type Messages struct {
	seal   cipher.AEAD
	random io.Reader
}

// MessageHeader is the header of a refusal that has the message.
const MessageHeader = "Furl-Encoded-Authorization-Message"

// maxMessage is the longest message that DecodeAuthorizationMessage takes. A reason that does not fit is not sent.
const maxMessage = 10240

// NewMessages makes Messages with a key of their own.
func NewMessages(random io.Reader) (*Messages, error) {
	var key [32]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return nil, fmt.Errorf("random key: %w", err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	return &Messages{seal, random}, err
}

// Encode seals the reason of a refusal; "" if that cannot be done.
func (m *Messages) Encode(d *Denied) string {
	text, err := json.Marshal(newMessage(d))
	if err != nil {
		return ""
	}
	nonce := make([]byte, m.seal.NonceSize(), m.seal.NonceSize()+len(text)+m.seal.Overhead())
	if _, err := io.ReadFull(m.random, nonce); err != nil {
		return ""
	}
	encoded := base64.RawURLEncoding.EncodeToString(m.seal.Seal(nonce, nonce, text, nil))
	if len(encoded) > maxMessage {
		return ""
	}
	return encoded
}

// errMessage is all that is said of a message that is not this server's.
var errMessage = errors.New("message is not valid")

// Decode opens a message that Encode of the same Messages has made. The text is JSON.
func (m *Messages) Decode(encoded string) (string, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(sealed) < m.seal.NonceSize() {
		return "", errMessage
	}
	nonce := sealed[:m.seal.NonceSize()]
	text, err := m.seal.Open(nil, nonce, sealed[len(nonce):], nil)
	if err != nil {
		return "", errMessage
	}
	return string(text), nil
}

// message is what a message holds, as AWS has it (IAM User Guide, "Decode encoded authorization messages").
type message struct {
	Allowed           bool           `json:"allowed"`
	ExplicitDeny      bool           `json:"explicitDeny"`
	MatchedStatements items[matched] `json:"matchedStatements"`
	Failures          items[matched] `json:"failures"`
	Context           messageContext `json:"context"`
}

type items[T any] struct {
	Items []T `json:"items"`
}

type matched struct {
	StatementID string `json:"statementId"`
	Effect      string `json:"effect"`
	Policy      string `json:"sourcePolicyId"`
	Type        string `json:"sourcePolicyType"`
}

type messageContext struct {
	Principal  messagePrincipal        `json:"principal"`
	Action     string                  `json:"action"`
	Resource   string                  `json:"resource"`
	Conditions items[messageCondition] `json:"conditions"`
}

type messagePrincipal struct {
	ID  string `json:"id"`
	ARN string `json:"arn"`
}

type messageCondition struct {
	Key    string       `json:"key"`
	Values items[value] `json:"values"`
}

type value struct {
	Value string `json:"value"`
}

func newMessage(d *Denied) message {
	m := message{
		ExplicitDeny: d.Decision.Effect == policy.ExplicitlyDenied,
		Context: messageContext{
			Principal: messagePrincipal{d.CallerID, d.Caller},
			Action:    d.Permission.Action, Resource: d.Permission.Resource,
		},
	}
	m.MatchedStatements.Items, m.Failures.Items = []matched{}, []matched{}
	for _, ref := range d.Decision.Matched {
		effect := "ALLOW"
		if ref.Effect == policy.ExplicitlyDenied {
			effect = "DENY"
		}
		m.MatchedStatements.Items = append(m.MatchedStatements.Items, matched{ref.Sid(), effect, ref.Policy, ref.Type.String()})
	}
	m.Context.Conditions.Items = conditions(d.Permission.Facts)
	return m
}

func conditions(facts []auth.Fact) []messageCondition {
	list := []messageCondition{}
	for _, fact := range facts {
		list = append(list, messageCondition{fact.Key, items[value]{[]value{{fact.Value}}}})
	}
	return list
}
