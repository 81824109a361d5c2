package iam_test

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/policy"
)

func TestParseARNKnowsThePartitionOfTheServer(t *testing.T) {
	for text, want := range map[string]bool{
		"arn:aws:iam::111111111111:role/caller": true, "arn:aws-cn:iam::111111111111:role/caller": false, "caller": false,
	} {
		if _, ok := iam.ParseARN(text); ok != want {
			t.Errorf("%s: %t", text, ok)
		}
	}
}

func TestARNs(t *testing.T) {
	user := &iam.User{Account: "111111111111", Name: "alice", Path: "/a/"}
	role := &iam.Role{Account: "111111111111", Name: "caller", Path: "/"}
	for got, want := range map[string]string{
		user.ARN(): "arn:aws:iam::111111111111:user/a/alice",
		role.ARN(): "arn:aws:iam::111111111111:role/caller",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCredentialsLookLikeThoseOfAWS(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 0, 0, 999, time.UTC)
	key, err := iam.NewAccessKey(rand.Reader, now)
	if err != nil || !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.ID) || len(key.Secret) != 40 {
		t.Errorf("key is %+v, %v", key, err)
	}
	session, err := iam.NewSession(rand.Reader, iam.Session{Role: "r"}, now, time.Hour)
	if err != nil || !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(session.AccessKeyID) || len(session.Secret) != 40 || session.Role != "r" {
		t.Errorf("session is %+v, %v", session, err)
	}
	if want := time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC); !session.Expires.Equal(want) {
		t.Errorf("the session ends at %s", session.Expires)
	}
	id, err := iam.NewID(rand.Reader, iam.PrefixRole)
	if err != nil || !regexp.MustCompile(`^AROA[A-Z2-7]{17}$`).MatchString(id) {
		t.Errorf("id is %q, %v", id, err)
	}
}

func TestNoCredentialsWithoutRandomness(t *testing.T) {
	for length := range 240 {
		random := strings.NewReader(strings.Repeat("x", length))
		if _, err := iam.NewSession(random, iam.Session{}, time.Time{}, time.Hour); err == nil && length < 16+30+192 {
			t.Fatalf("a session was made from %d bytes", length)
		}
	}
	if _, err := iam.NewAccessKey(strings.NewReader(""), time.Time{}); err == nil {
		t.Error("a key was made from nothing")
	}
}

func TestPoliciesAreParsed(t *testing.T) {
	if _, err := iam.ParsePolicy(`{}`, policy.Identity); err == nil {
		t.Error("a policy without statements is taken")
	}
}

func TestInlinePoliciesAreInOrderOfTheirNames(t *testing.T) {
	any, err := iam.ParsePolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	policies := map[string]iam.Policy{"b": any, "a": any}
	grants := iam.Grants{Inline: policies}
	role, user, group := &iam.Role{Name: "r", Grants: grants}, &iam.User{Name: "u", Grants: grants}, &iam.Group{Name: "g", Grants: grants}
	role.Prepare()
	user.Prepare()
	group.Prepare()
	for owner, named := range map[string][]policy.Named{"role r": role.InlinePolicies(), "user u": user.InlinePolicies(), "group g": group.InlinePolicies()} {
		if len(named) != 2 || named[0].Name != "inline policy a of "+owner || named[1].Name != "inline policy b of "+owner {
			t.Errorf("%s has %+v", owner, named)
		}
	}
}

func TestClonesAreIndependent(t *testing.T) {
	user := &iam.User{Tags: map[string]string{"a": "1"}, Keys: []iam.AccessKey{{ID: "k"}}}
	changedUser := user.Clone()
	changedUser.Tags["a"], changedUser.Keys[0].Inactive = "2", true
	role := &iam.Role{Tags: map[string]string{"a": "1"}, Grants: iam.Grants{Attached: []string{"p"}}}
	changedRole := role.Clone()
	changedRole.Tags["a"], changedRole.Attached[0] = "2", "q"
	if user.Tags["a"] != "1" || user.Keys[0].Inactive || role.Tags["a"] != "1" || role.Attached[0] != "p" {
		t.Error("a change of the copy changed the original")
	}
}
