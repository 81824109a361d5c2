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
