package stsapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// An account has an end of sessions; those of other accounts and those that have expired do not count.
func TestSessionsOfAnAccountAreBounded(t *testing.T) {
	server := start(t)
	fill := func(account, prefix string, count int, expires time.Time) {
		err := server.State.Update(t.Context(), func(tx *state.Tx) error {
			for i := range count {
				tx.PutTransientSession(&iam.Session{AccessKeyID: fmt.Sprintf("ASIA%s%05d", prefix, i), Account: account, Expires: expires})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func() planetest.Answer {
		return server.Query(t, server.Root(planetest.Account), "sts", url.Values{"Action": {"GetSessionToken"}, "Version": {"2011-06-15"}})
	}
	fill(planetest.Other, "O", 10_000, planetest.Start.Add(time.Hour))
	fill(planetest.Account, "E", 10_000, planetest.Start)
	fill(planetest.Account, "L", 9_999, planetest.Start.Add(time.Hour))
	if answer := ask(); answer.Status != 200 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	answer := ask()
	if answer.Status != 400 || !strings.Contains(answer.Body, "<Code>LimitExceeded</Code>") {
		t.Errorf("%d %s", answer.Status, answer.Body)
	}
	server.Advance(2 * time.Hour)
	if answer := ask(); answer.Status != 200 {
		t.Errorf("after the sessions have ended: %d %s", answer.Status, answer.Body)
	}
}

// TestSessionPolicyLengths: the model bounds the text of a session policy for the operations that it bounds it for, and
// refuses it as it does all values; what is too large only once it is packed is refused as such (model of STS, botocore
// 1.44.8; the text about tags is that of aws/containers-roadmap#2413).
func TestSessionPolicyLengths(t *testing.T) {
	x := newTrial(t)
	x.may(`{"Effect":"Allow","Action":"*","Resource":"*"}`)
	padded := func(length int) string {
		text := everything[:len(everything)-1]
		return "&Policy=" + url.QueryEscape(text+strings.Repeat(" ", length-len(text)-1)+"}")
	}
	long := "&Policy=" + url.QueryEscape(strings.Replace(everything, `"Action":"*"`, `"Action":"lambda:`+strings.Repeat("x", 3000)+`"`, 1))
	var tags strings.Builder
	for i := range 10 {
		fmt.Fprintf(&tags, "&Tags.member.%d.Key=k%d&Tags.member.%d.Value=%s", i+1, i, i+1, strings.Repeat("v", 250))
	}
	const tooLong = "failed to satisfy constraint: Member must have length less than or equal to "
	assume, federate, web := "RoleArn="+devRole+"&RoleSessionName=book", "Name=guest", "RoleArn="+devRole+"&RoleSessionName=book&WebIdentityToken=token"
	tests := []struct{ action, parameters, code, message string }{
		{"sts:GetFederationToken", federate + padded(2048), "", ""},
		{"sts:GetFederationToken", federate + padded(2049), "ValidationError", "at 'policy' " + tooLong + "2048"},
		{"sts:GetFederationToken", federate + long, "ValidationError", "at 'policy' " + tooLong + "2048"},
		{"sts:AssumeRoleWithWebIdentity", web + padded(2048), "InvalidIdentityToken", "not a valid JWT"},
		{"sts:AssumeRoleWithWebIdentity", web + padded(2049), "ValidationError", "at 'policy' " + tooLong + "2048"},
		{"sts:AssumeRole", assume + padded(2049), "", ""},
		{"sts:AssumeRole", assume + long, "PackedPolicyTooLarge", "Packed policy and tags consume "},
		{"sts:AssumeRole", assume + tags.String(), "PackedPolicyTooLarge", "Packed size of session tags consumes 124% of allotted space."},
		{"sts:AssumeRole", assume + "&SourceIdentity=" + strings.Repeat("s", 256), "", ""},
		{"sts:AssumeRole", assume + "&SourceIdentity=" + strings.Repeat("s", 257), "ValidationError", "at 'sourceIdentity' " + tooLong + "256"},
	}
	for _, tt := range tests {
		got := x.do(tt.action, tt.parameters)
		ok := got.Status == 200
		if tt.code != "" {
			ok = got.Status == 400 && strings.Contains(got.Body, "<Code>"+tt.code+"</Code>") && strings.Contains(got.Body, tt.message)
		}
		if !ok {
			t.Errorf("%s %.60s…: %d %s", tt.action, tt.parameters, got.Status, got.Body[max(0, len(got.Body)-300):])
		}
	}
}
