package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/google/go-cmp/cmp"
)

// TestParseValid reads documents that AWS accepts.
func TestParseValid(t *testing.T) {
	statement := func(rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + rest + `}]}`
	}
	condition := func(c string) string {
		return statement(`"Action":"s3:GetObject","Resource":"*","Condition":` + c)
	}
	granting := func(principal string) string {
		return statement(`"Principal":` + principal + `,"Action":"lambda:*","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books"`)
	}
	trusting := func(principal string) string {
		return statement(`"Principal":` + principal + `,"Action":["sts:AssumeRole","sts:TagSession"]`)
	}
	tests := []struct {
		name string
		kind policy.Kind
		text string
	}{
		{"one statement without a list", policy.Identity, `{"Statement":{"Effect":"Deny","NotAction":"*","NotResource":["*"]}}`},
		{"old version", policy.Identity, `{"Version":"2008-10-17","Id":"x","Statement":[{"Sid":"a1","Effect":"Allow","Action":["*"],"Resource":"*"}]}`},
		{"two empty Sids", policy.Identity, `{"Statement":[{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"}]}`},
		{"white space", policy.Identity, " {\r\n\t\"Statement\" : [ { \"Effect\" : \"Allow\" , \"Action\" : \"*\" , \"Resource\" : \"*\" } ] } \n"},
		{"escapes", policy.Identity, `{"Statement":[{"\u0045ffect":"All\u006fw","Action":"lambda:\u002a","Resource":"*"}]}`},
		{"any service", policy.Identity, statement(`"Action":"*:*","Resource":"*"`)},
		{"empty conditions", policy.Identity, condition(`{}`)},
		{"empty operator", policy.Identity, condition(`{"Bool":{}}`)},
		{"bare boolean", policy.Identity, condition(`{"Bool":{"aws:SecureTransport":true}}`)},
		{"bare number", policy.Identity, condition(`{"NumericLessThan":{"s3:max-keys":[10,1.5e1]}}`)},
		{"quantified", policy.Identity, condition(`{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["a*"]}}`)},
		{"resource patterns", policy.Identity, statement(`"Action":"*","Resource":["arn:aws:s3:::b/${aws:username}/*","arn:aws-cn:sqs","arn:*:iam::*:role/*","arn:aws:s3:eu-west-1:111122223333:accesspoint/x","arn:aws:s3:*:*:job/1"]`)},
		{"resource policy", policy.Resource, statement(`"Sid":"a b_c-d","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"`)},
		{"principals", policy.Resource, granting(`{"AWS":["*","111122223333","arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/a/b","arn:aws-us-gov:iam::111122223333:role/r","arn:aws:sts::111122223333:assumed-role/r/s","arn:aws:sts::111122223333:federated-user/n","AIDACKCEVSQ6C2EXAMPLE","AROACKCEVSQ6C2EXAMPLE"],"Service":"s3.amazonaws.com","CanonicalUser":"79a59d"}`)},
		{"NotPrincipal", policy.Resource, `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"NotAction":"lambda:InvokeFunction","NotResource":"arn:aws:lambda:eu-west-1:111122223333:function:x"}]}`},
		{"trust a service", policy.Trust, trusting(`{"Service":["lambda.amazonaws.com"]}`)},
		{"trust a provider", policy.Trust, trusting(`{"Federated":["cognito-identity.amazonaws.com","arn:aws:iam::111122223333:oidc-provider/token.example.com/x","arn:aws:iam::111122223333:saml-provider/x"]}`)},
	}
	for _, tt := range tests {
		d, err := policy.Parse([]byte(tt.text), tt.kind)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d.Source() != tt.text || d.Kind() != tt.kind {
			t.Errorf("%s: document is not what was read", tt.name)
		}
	}
}

// TestParseFaults checks that every fault of a document is reported, where it is, with AWS's words.
func TestParseFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// a case is: kind, document, a line of dashes, the faults, a line of dashes, what AWS says
			parts := strings.Split(string(data), "\n---\n")
			kindName, text, _ := strings.Cut(parts[0], "\n")
			kind := map[string]policy.Kind{"identity": policy.Identity, "resource": policy.Resource, "trust": policy.Trust}[kindName]
			if kind.String() != kindName {
				t.Fatalf("unknown kind %q", kindName)
			}
			_, err = policy.Parse([]byte(text), kind)
			var faults policy.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("no faults: %v", err)
			}
			if diff := cmp.Diff(parts[1], faults.Error()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(strings.TrimSuffix(parts[2], "\n"), faults.AWS()); diff != "" {
				t.Errorf("AWS's message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNotUTF8(t *testing.T) {
	for _, text := range []string{"{\"Statement\":\"\xff\"}", "{\"Statement\":\"\\n\xff\"}"} {
		_, err := policy.Parse([]byte(text), policy.Identity)
		if err == nil || err.Error() != "1:14: not JSON: a string that is not UTF-8" {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"\"\\", "\"\\\"", "\xff", "-", "nul"} {
		if _, err := policy.Parse([]byte(text), policy.Identity); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestParseTooLarge(t *testing.T) {
	text := `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	text += strings.Repeat(" ", policy.MaxSize-len(text))
	if _, err := policy.Parse([]byte(text), policy.Identity); err != nil {
		t.Errorf("a document of the largest size: %v", err)
	}
	_, err := policy.Parse([]byte(text+" "), policy.Identity)
	if err == nil || err.Error() != "1:1: the document is larger than 131072 bytes" {
		t.Errorf("a document one byte larger: %v", err)
	}
}

// TestParseHostile: a document made to be wrong in as many ways as fit costs no more than one that is right.
func TestParseHostile(t *testing.T) {
	for _, text := range []string{
		`{"Statement":[` + strings.Repeat(`1,`, 60000) + `1]}`,
		`{"Statement":{` + strings.Repeat(`"":0,`, 25000) + `"":0}}`,
	} {
		_, err := policy.Parse([]byte(text), policy.Identity)
		var faults policy.Faults
		if !errors.As(err, &faults) || len(faults) != policy.MaxFaults {
			t.Errorf("%.20s…: %d faults", text, len(faults))
		}
	}
}

func TestDocument(t *testing.T) {
	d := mustParse(t, policy.Identity, `{ "Id": "books", "Version": "2012-10-17",
		"Statement": [ {"Effect":"Allow", "Action":"*", "Resource":"*"} ] }`)
	got := []any{d.ID(), d.Version(), d.Len(), d.String(), d.Kind().String()}
	want := []any{"books", "2012-10-17", 1, `{"Id":"books","Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, "identity"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := mustParse(t, policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`).Version(); v != "2008-10-17" {
		t.Errorf("default version %q", v)
	}
	if zero := (&policy.Document{}); zero.String() != "{}" || zero.Len() != 0 {
		t.Errorf("zero document prints %s", zero)
	}
}

func TestGuessKind(t *testing.T) {
	tests := map[string]policy.Kind{
		``:   policy.Identity,
		`{`:  policy.Identity,
		`[]`: policy.Identity,
		`{"Statement":{"Action":"lambda:*","Resource":"*"}}`:                             policy.Identity,
		`{"Statement":[{"Action":"sts:AssumeRole","Resource":"*"}]}`:                     policy.Identity,
		`{"Statement":[{"Principal":"*","Action":["STS:AssumeRole","sts:TagSession"]}]}`: policy.Trust,
		`{"Statement":[{"Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}`:     policy.Resource,
		`{"Statement":[{"Principal":"*","Action":["sts:AssumeRole","lambda:Invoke*"]}]}`: policy.Resource,
		`{"Statement":{"NotPrincipal":"*","NotAction":"lambda:*","NotResource":"*"}}`:    policy.Resource,
	}
	for text, want := range tests {
		if got := policy.GuessKind([]byte(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
