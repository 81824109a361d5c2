package sigv4_test

import (
	"testing"

	"github.com/furl-dev/furl/sigv4"
)

// TestDiagnosable: of the other kinds Diagnose has nothing to say.
func TestDiagnosable(t *testing.T) {
	r := newRequest(t, "GET", origin+"/", "")
	signer := newSigner()
	signer.Region = "mars-1"
	if _, err := signer.Sign(r, bob, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	for kind := sigv4.MissingAuthentication; kind <= sigv4.Internal; kind++ {
		d := sigv4.Diagnose(t.Context(), sigv4.Evidence{
			Request: r, Refusal: &sigv4.Error{Kind: kind, AccessKeyID: bob.AccessKeyID}, Key: sigv4.Key{Credentials: bob},
			Region: "eu-central-1", Service: "lambda", Now: clock,
		})
		if (d.Fault != "") != kind.Diagnosable() {
			t.Errorf("%s is diagnosable: %v; the diagnosis is %+v", kind, kind.Diagnosable(), d)
		}
	}
}
