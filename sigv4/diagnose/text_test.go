package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

func TestLinesAndCompare(t *testing.T) {
	r := newRequest(t, "GET", origin+"/a?b=c", "")
	signed, err := newSigner().Sign(r, bob, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	hidden := "x-amz-security-token:(24 bytes)"
	want := []diagnose.Line{
		{"method", "GET"}, {"path", "/a"}, {"query", "b=c"}, {"header host", "host:" + host},
		{"header x-amz-date", "x-amz-date:20261123T150405Z"}, {"header x-amz-security-token", hidden},
		{"end of headers", ""}, {"signed headers", "host;x-amz-date;x-amz-security-token"}, {"payload hash", hashOf("")},
	}
	if diff := cmp.Diff(want, diagnose.Lines(signed.CanonicalRequest)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}

	query, err := newSigner().Presign(r, bob, time.Minute, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range diagnose.Lines(query.CanonicalRequest) {
		if l.Label == "query" && !strings.Contains(l.Text, "&X-Amz-Security-Token=(32 bytes)&X-Amz-SignedHeaders=") {
			t.Errorf("query %q shows the token", l.Text)
		}
	}

	server := signed.CanonicalRequest
	for _, tt := range []struct {
		name   string
		client string
		want   diagnose.Difference
		differ bool
	}{
		{"equal", server, diagnose.Difference{}, false},
		{"equal, token hidden", strings.Replace(server, bob.SessionToken, "(24 bytes)", 1), diagnose.Difference{}, false},
		{"path", strings.Replace(server, "/a\n", "/b\n", 1),
			diagnose.Difference{Line: 2, Label: "path", Column: 2, Server: "/a", Client: "/b"}, true},
		{"longer", strings.Replace(server, "/a\n", "/ab\n", 1),
			diagnose.Difference{Line: 2, Label: "path", Column: 3, Server: "/a", Client: "/ab"}, true},
		{"shorter text", "GET", diagnose.Difference{Line: 2, Label: "path", Column: 1, Server: "/a"}, true},
		{"longer text", server + "\nx", diagnose.Difference{Line: 10, Column: 1, Client: "x"}, true},
		{"token", strings.Replace(server, bob.SessionToken, "x", 1),
			diagnose.Difference{Line: 6, Label: "header x-amz-security-token", Column: 22, Server: hidden,
				Client: "x-amz-security-token:(1 bytes)"}, true},
	} {
		got, differ := diagnose.Compare(server, tt.client)
		if diff := cmp.Diff(tt.want, got); diff != "" || differ != tt.differ {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, differ, diff)
		}
	}
}

// A client that signs wrongly may spell the names of what is secret wrongly too.
func TestLinesHideSecretsHoweverTheyAreSpelled(t *testing.T) {
	const secret = "IQoJb3JpZ2lu/secret"
	for _, line := range []string{
		"Action=AssumeRoleWithWebIdentity&WebIdentityToken=" + secret, "%57ebidentitytoken=" + secret,
		"X-Amz-Signature=" + secret, "a=b&x-amz-signature=" + secret, "X-Amz-Security%2DToken=" + secret,
		"X-Amz-Security%25252dToken=" + secret, "/path?X-Amz-Security-Token=" + secret, "authorization:" + secret,
		"X-Amz-Security-Token:" + secret, "X-AMZ-SECURITY-TOKEN :" + secret, "x-amz-security-token: " + secret + "&a=b",
		"a=b&x-amz-security-token=" + secret, "myX-Amz-Security-Token=1&X-Amz-Security-Token=" + secret + "&z=1",
		"X-Amz-Security-Token=" + secret + "&X-Amz-Security-Token=" + secret,
	} {
		for _, l := range diagnose.Lines("GET\n/\n" + line + "\n" + line + "\n\nhost\nhash") {
			if strings.Contains(l.Text, secret) {
				t.Errorf("%s line of %q shows the secret: %s", l.Label, line, l.Text)
			}
		}
	}
}
