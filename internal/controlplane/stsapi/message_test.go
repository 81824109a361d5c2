package stsapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
)

func TestDecodeAuthorizationMessage(t *testing.T) {
	server := start(t)
	iamCall(t, server, "CreateUser", url.Values{"UserName": {"mallory"}, "Path": {"/x/"}})
	mallory := iamCall(t, server, "CreateAccessKey", url.Values{"UserName": {"mallory"}})
	iamCall(t, server, "PutUserPolicy", url.Values{"UserName": {"mallory"}, "PolicyName": {"no"}, "PolicyDocument": {
		`{"Version":"2012-10-17","Statement":[{"Sid":"NoUsers","Effect":"Deny","Action":"iam:CreateUser","Resource":"*"}]}`,
	}})
	refused := server.Query(t, mallory, "iam", url.Values{
		"Action": {"CreateUser"}, "Version": {"2010-05-08"}, "UserName": {"bob"}, "Tags.member.1.Key": {"team"}, "Tags.member.1.Value": {"books"},
	})
	encoded := refused.Header.Get(controlplane.MessageHeader)
	if refused.Status != 403 || encoded == "" || strings.Contains(encoded, "NoUsers") {
		t.Fatalf("refused with %d, message %q", refused.Status, encoded)
	}
	decode := url.Values{"Action": {"DecodeAuthorizationMessage"}, "Version": {"2011-06-15"}, "EncodedMessage": {encoded}}
	if answer := server.Query(t, mallory, "sts", decode); answer.Status != 403 {
		t.Errorf("who may not see the policies decoded %s", answer.Body)
	}
	answer := server.Query(t, server.Root(planetest.Account), "sts", decode)
	_, text, _ := strings.Cut(answer.Body, "<DecodedMessage>")
	text, _, _ = strings.Cut(text, "<")
	var message struct {
		Allowed           bool
		ExplicitDeny      bool
		MatchedStatements struct {
			Items []struct{ StatementID, Effect, SourcePolicyID string }
		}
		Context struct {
			Principal  struct{ ID, ARN string }
			Action     string
			Resource   string
			Conditions struct {
				Items []struct {
					Key    string
					Values struct{ Items []struct{ Value string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &message); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	if message.Allowed || !message.ExplicitDeny || len(message.MatchedStatements.Items) != 1 || message.MatchedStatements.Items[0].StatementID != "NoUsers" {
		t.Errorf("decision is %+v", message)
	}
	if c := message.Context; c.Action != "iam:CreateUser" || c.Resource != "arn:aws:iam::123456789012:user/bob" ||
		c.Principal.ARN != "arn:aws:iam::123456789012:user/x/mallory" || !strings.HasPrefix(c.Principal.ID, "AIDA") {
		t.Errorf("context is %+v", c)
	}
	if c := message.Context.Conditions.Items; len(c) != 2 || c[0].Key != "aws:RequestTag/team" || c[0].Values.Items[0].Value != "books" {
		t.Errorf("conditions are %+v", c)
	}
	for name, encoded := range map[string]string{"changed": encoded[:len(encoded)-2] + "AA", "short": "AA", "no base64": "!", "of nobody": strings.Repeat("A", 200)} {
		decode.Set("EncodedMessage", encoded)
		answer := server.Query(t, server.Root(planetest.Account), "sts", decode)
		if answer.Status != 400 || !strings.Contains(answer.Body, "<Code>InvalidAuthorizationMessageException</Code>") {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
}

// A reason that is too long for the operation that decodes it is not sent at all.
func TestLongReasonsAreNotSent(t *testing.T) {
	server := start(t)
	iamCall(t, server, "CreateUser", url.Values{"UserName": {"mallory"}})
	mallory := iamCall(t, server, "CreateAccessKey", url.Values{"UserName": {"mallory"}})
	form := url.Values{"Action": {"CreateUser"}, "Version": {"2010-05-08"}, "UserName": {"bob"}}
	for i := range 50 {
		prefix := "Tags.member." + string(rune('1'+i%9)) + strings.Repeat("0", i/9)
		form.Set(prefix+".Key", strings.Repeat("k", 100)+string(rune('a'+i%26))+string(rune('a'+i/26)))
		form.Set(prefix+".Value", strings.Repeat("v", 256))
	}
	answer := server.Query(t, mallory, "iam", form)
	if answer.Status != 403 || answer.Header.Get(controlplane.MessageHeader) != "" {
		t.Errorf("%d %s, header %q", answer.Status, answer.Body, answer.Header.Get(controlplane.MessageHeader))
	}
}
