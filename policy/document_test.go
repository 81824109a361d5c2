package policy_test

import (
	"errors"
	"testing"

	"github.com/furl-dev/furl/policy"
)

// TestMapPrincipals checks that only values of type AWS change, and that every other byte stays.
func TestMapPrincipals(t *testing.T) {
	text := `{ "Version": "2012-10-17", "Id":"arn:a",
  "Statement": [
    {"Sid":"1", "Effect":"Allow", "Principal": {"AWS" : [ "arn:aws:iam::111122223333:user/a" , "111122223333" ], "Service":"s3.amazonaws.com"}, "Action":"*", "Resource":"*"},
    {"Effect":"Deny", "NotPrincipal": {"AWS":"arn:aws:iam::111122223333:user\/a"}, "Action":"*", "Resource":"*"},
    {"Effect":"Deny", "Principal": "*", "Action":"*", "Resource":"*"} ] }`
	want := `{ "Version": "2012-10-17", "Id":"arn:a",
  "Statement": [
    {"Sid":"1", "Effect":"Allow", "Principal": {"AWS" : [ "AIDACKCEVSQ6C2EXAMPLE" , "111122223333" ], "Service":"s3.amazonaws.com"}, "Action":"*", "Resource":"*"},
    {"Effect":"Deny", "NotPrincipal": {"AWS":"AIDACKCEVSQ6C2EXAMPLE"}, "Action":"*", "Resource":"*"},
    {"Effect":"Deny", "Principal": "*", "Action":"*", "Resource":"*"} ] }`
	d := mustParse(t, policy.Resource, text)
	got, err := d.MapPrincipals(func(p string) string {
		if p == "arn:aws:iam::111122223333:user/a" {
			return "AIDACKCEVSQ6C2EXAMPLE"
		}
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Source() != want {
		t.Errorf("got %s", got.Source())
	}
	if same, err := d.MapPrincipals(func(p string) string { return p }); err != nil || same != d {
		t.Errorf("a mapping that changes nothing: %v", err)
	}
	var faults policy.Faults
	if _, err := d.MapPrincipals(func(string) string { return "nobody" }); !errors.As(err, &faults) || len(faults) != 3 {
		t.Errorf("a mapping to what is no principal: %v", err)
	}
	if zero, err := new(policy.Document).MapPrincipals(nil); err != nil || zero.Len() != 0 {
		t.Errorf("zero document: %v", err)
	}
}
