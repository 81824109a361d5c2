package policy_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/furl-dev/furl/policy"
)

// TestActionMatching: "The prefix and the action name are case insensitive", with * and ?.
// IAM User Guide, "IAM JSON policy elements: Action".
func TestActionMatching(t *testing.T) {
	tests := []struct {
		element, action string
		want            bool
	}{
		{`"Action":"*"`, "lambda:InvokeFunction", true},
		{`"Action":"*:*"`, "lambda:InvokeFunction", true},
		{`"Action":"*:Invoke*"`, "lambda:InvokeFunction", true},
		{`"Action":"*:Get*"`, "lambda:InvokeFunction", false},
		{`"Action":"lambda:*"`, "lambda:InvokeFunction", true},
		{`"Action":"LAMBDA:invokefunction"`, "lambda:InvokeFunction", true},
		{`"Action":"lambda:InvokeFunction"`, "Lambda:INVOKEFUNCTION", true},
		{`"Action":"lambda:INVOKE*"`, "lambda:InvokeFunctionUrl", true},
		{`"Action":"lambda:Invoke*Url"`, "lambda:InvokeFunction", false},
		{`"Action":"lambda:Invoke????????"`, "lambda:InvokeFunction", true},
		{`"Action":"lambda:InvokeFunction"`, "lambda:InvokeFunctionUrl", false},
		{`"Action":"lambda:InvokeFunctionUrl"`, "lambda:InvokeFunction", false},
		{`"Action":"s3:InvokeFunction"`, "lambda:InvokeFunction", false},
		{`"Action":["s3:*","lambda:GetFunction","Lambda:InvokeFunction","lambda:List*"]`, "lambda:InvokeFunction", true},
		{`"Action":["s3:*","lambda:GetFunction","Lambda:InvokeFunction","lambda:List*"]`, "lambda:ListFunctions", true},
		{`"Action":"lambda:*"`, "lambda", false},
		{`"Action":"*"`, "", true},
		{`"NotAction":"lambda:*"`, "lambda:InvokeFunction", false},
		{`"NotAction":"lambda:*"`, "s3:GetObject", true},
		{`"NotAction":["s3:*","iam:*"]`, "iam:PassRole", false},
		{`"NotAction":"*"`, "iam:PassRole", false},
	}
	for _, tt := range tests {
		d := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow",`+tt.element+`,"Resource":"*"}}`)
		in := policy.Request{Principal: &alice, Action: tt.action, Resource: "*"}
		if got := policy.Evaluate(in, &policy.Sets{Identity: []policy.Named{{Document: d}}}).Effect == policy.Allowed; got != tt.want {
			t.Errorf("%s of %q: got %v", tt.element, tt.action, got)
		}
	}
}

// TestResourceMatching follows "IAM JSON policy elements: Resource" of the IAM User Guide.
func TestResourceMatching(t *testing.T) {
	const bucket = "arn:aws:s3:::amzn-s3-demo-bucket"
	books := "arn:aws:lambda:eu-west-1:111122223333:function:books"
	tests := []struct {
		element, resource string
		want              bool
	}{
		{`"Resource":"*"`, books, true},
		{`"Resource":"*"`, "*", true},
		{`"Resource":"arn:aws:lambda:*:*:*"`, "*", false},
		{`"Resource":"` + books + `"`, books, true},
		{`"Resource":"` + books + `"`, strings.ToUpper(books), false},
		{`"Resource":"` + books + `"`, books + ":live", false},
		{`"Resource":"` + books + `:*"`, books, false},
		{`"Resource":"` + books + `:*"`, books + ":live", true},
		{`"Resource":"` + books + `*"`, books + ":live", true},
		{`"Resource":"arn:aws:lambda:*:*:function:b*s"`, books, true},
		{`"Resource":"arn:aws:lambda:*:*:function:b?oks"`, books, true},
		{`"Resource":"arn:aws:lambda:eu-*-1:*:function:books"`, books, true},
		{`"Resource":"arn:aws:lambda:eu-west-?:*:function:books"`, books, true},
		{`"Resource":"arn:aws:lambda:us-*:*:function:books"`, books, false},
		{`"Resource":"arn:aws:lambda:eu*1:function:books"`, books, false}, // * inside a part stays there
		{`"Resource":"arn:aws:lambda:eu-west-1?111122223333:function:books"`, books, false},
		{`"Resource":"arn:aws:lambda:*:function:books"`, books, true}, // a * that ends its part reaches beyond the colon
		{`"Resource":"arn:aws:lambda:*"`, books, true},
		{`"Resource":"arn:aws:lambda"`, books, true}, // missing parts are *
		{`"Resource":"arn:aws:sqs"`, books, false},
		{`"Resource":"arn:*:lambda:*:*:*"`, books, true},
		{`"Resource":["arn:aws:s3:::x","` + books + `"]`, books, true},
		{`"Resource":["` + books + `","*"]`, "*", true},
		// the examples of the page
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "/1/test/object.jpg", true},
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "/1/2/test/3/object.jpg", true},
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "//test/object.jpg", true},
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "/1/test/", true},
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "/1-test/object.jpg", false},
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "/test/object.jpg", false},
		{`"Resource":"` + bucket + `/*/test/*"`, bucket + "/1/2/test.jpg", false},
		{`"Resource":"` + bucket + `/*.jpg"`, bucket + "/a:b.jpg", true}, // colons of a key are not separators
		// variables
		{`"Resource":"` + bucket + `/${aws:username}/*"`, bucket + "/al*ce/x", true},
		{`"Resource":"` + bucket + `/${aws:username}/*"`, bucket + "/alice/x", false}, // the name is al*ce, literally
		{`"Resource":"` + bucket + `/${aws:userid}/*"`, bucket + "/alice/x", false},
		{`"Resource":"` + bucket + `/${*}"`, bucket + "/*", true},
		{`"Resource":"` + bucket + `/${*}"`, bucket + "/x", false},
		{`"Resource":"arn:aws:sqs:${aws:userid, 'eu-west-1'}"`, "arn:aws:sqs:eu-west-1:1:q", true},
		{`"Resource":"arn:aws:sqs:eu*${aws:username}:1:q"`, "arn:aws:sqs:eu-al*ce:1:q", true},
		{`"Resource":"arn:aws:sqs:eu*${aws:username}:1:q"`, "arn:aws:sqs:eu:al*ce:1:q", false},
		{`"Resource":"arn:aws:sqs:eu*${aws:username}*"`, "arn:aws:sqs:eu-al*ce-1:1:q", true},
		{`"NotResource":"` + books + `"`, books, false},
		{`"NotResource":"` + books + `"`, bucket, true},
		{`"NotResource":"*"`, bucket, false},
	}
	for _, tt := range tests {
		d := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",`+tt.element+`}}`)
		in := policy.Request{Principal: &alice, Action: action, Resource: tt.resource, Context: policy.Values{"aws:username": {"al*ce"}}}
		if got := policy.Evaluate(in, &policy.Sets{Identity: []policy.Named{{Document: d}}}).Effect == policy.Allowed; got != tt.want {
			t.Errorf("%s of %q: got %v", tt.element, tt.resource, got)
		}
	}
}

// slowGlob is the meaning of a pattern, in UTF-16, by plain recursion.
func slowGlob(pattern, s []uint16, colons int, arn bool) bool {
	if len(pattern) == 0 {
		return len(s) == 0
	}
	confined := arn && colons < 5
	switch pattern[0] {
	case '*':
		confined = confined && len(pattern) > 1 && pattern[1] != ':'
		for i := 0; ; i++ {
			if slowGlob(pattern[1:], s[i:], colons, arn) {
				return true
			}
			if i == len(s) || confined && s[i] == ':' {
				return false
			}
		}
	case '?':
		return len(s) > 0 && !(confined && s[0] == ':') && slowGlob(pattern[1:], s[1:], colons, arn)
	case ':':
		colons++
	}
	return len(s) > 0 && pattern[0] == s[0] && slowGlob(pattern[1:], s[1:], colons, arn)
}

// FuzzGlob compares the matcher with the meaning of patterns.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"a*b?c", "axxbyc"}, {"*", ""}, {"", ""}, {"?", "é"}, {"*??b*", "€b"}, {"**a", "ba"}, {"a*:b*c:*", "a:bx:bc:"}, {"*:*x:?:*", "1:2x:3:4"},
		{"x*y:*z?:w*", "xy:y:zz:zq:w"}, {"a:b:c:d:e:*:?", "a:b:c:d:e:f:g:h"}, {"*??", "é𐐀"}, {"?:", "::"}, {"*a*:b", "xa:a:b"},
	} {
		f.Add(seed[0], seed[1], true)
		f.Add(seed[0], seed[1], false)
	}
	f.Fuzz(func(t *testing.T, pattern, s string, arn bool) {
		if len(pattern) > 24 || len(s) > 40 || !utf8.ValidString(pattern) || !utf8.ValidString(s) || strings.Count(pattern, "*") > 6 {
			t.Skip()
		}
		want := slowGlob(utf16.Encode([]rune(pattern)), utf16.Encode([]rune(s)), 0, arn)
		if got := policy.GlobMatch(pattern, s, arn, false); got != want {
			t.Errorf("%q of %q (as ARN: %v): got %v, want %v", pattern, s, arn, got, want)
		}
		if !arn && want && !policy.GlobMatch(strings.ToLower(pattern), s, false, true) && strings.ToLower(pattern) == lowerASCII(pattern) {
			t.Errorf("%q of %q: matches with regard to case, but not without", pattern, s)
		}
	})
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// TestGlobIsBounded: a hostile pattern costs at most the product of the lengths.
func TestGlobIsBounded(t *testing.T) {
	pattern := strings.Repeat("a*", 1000) + "b"
	if policy.GlobMatch(pattern, strings.Repeat("a", 5000), false, false) {
		t.Error("matches")
	}
}
