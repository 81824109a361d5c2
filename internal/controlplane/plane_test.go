package controlplane_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/sigv4"
)

// TestRefusalsSpeakTheProtocol: a client that did not sign can read why it is refused, whichever API it meant. The
// SDKs do not sign AssumeRoleWithSAML and AssumeRoleWithWebIdentity at all.
func TestRefusalsSpeakTheProtocol(t *testing.T) {
	s := planetest.New(t, &lambdaapi.API{}, stsapi.New(stsapi.Config{}))
	for _, test := range []struct {
		method, target, body string
		status               int
		start                string
	}{
		{"GET", "/2015-03-31/functions/", "", 403, `{"message":"Missing Authentication Token"}`},
		{"GET", "/?Action=AssumeRoleWithSAML&Version=2011-06-15", "", 400, "<ErrorResponse"},
		{"GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", 403, "<ErrorResponse"},
	} {
		answer := s.Send(t, s.Request(t, test.method, test.target, test.body), test.body, sigv4.Credentials{}, "")
		if answer.Status != test.status || !strings.HasPrefix(answer.Body, test.start) {
			t.Errorf("%s %s: %d %s", test.method, test.target, answer.Status, answer.Body)
		}
	}
}
