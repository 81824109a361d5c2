package policy_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/google/go-cmp/cmp"
)

// holds reports whether a Condition element lets a request with these keys through.
func holds(t *testing.T, version, condition string, ctx policy.Context) bool {
	t.Helper()
	text := `{"Version":"` + version + `","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + condition + `}}`
	d := mustParse(t, policy.Identity, text)
	in := policy.Request{Principal: &alice, Action: action, Resource: function, Context: ctx}
	return policy.Evaluate(in, &policy.Sets{Identity: []policy.Named{{Name: "n", Document: d}}}).Effect == policy.Allowed
}

// TestOperators follows "IAM JSON policy elements: Condition operators" of the IAM User Guide. In each row the
// operator compares the request's value of the key k:k with the policy's values.
func TestOperators(t *testing.T) {
	tests := []struct {
		operator, policy string // the policy's values as JSON
		request          string // "" is an absent key
		want             bool
	}{
		{"StringEquals", `"a"`, "a", true},
		{"StringEquals", `"a"`, "A", false},
		{"StringEquals", `["a","b"]`, "b", true},
		{"StringEquals", `"*"`, "a", false},
		{"StringEquals", `"*"`, "*", true},
		{"StringEquals", `true`, "true", true},
		{"StringEquals", `12`, "12", true},
		{"StringEquals", `"a"`, "", false},
		{"StringNotEquals", `["a","b"]`, "b", false},
		{"StringNotEquals", `["a","b"]`, "c", true},
		{"StringNotEquals", `"a"`, "", true},
		{"StringEqualsIgnoreCase", `"aÉ"`, "Aé", true},
		{"StringEqualsIgnoreCase", `"a"`, "b", false},
		{"StringNotEqualsIgnoreCase", `"a"`, "A", false},
		{"StringNotEqualsIgnoreCase", `"a"`, "b", true},
		{"StringLike", `"a*c"`, "abbc", true},
		{"StringLike", `"a?c"`, "aéc", true},
		{"StringLike", `"a?c"`, "ac", false},
		{"StringLike", `["x","*:*"]`, "a:b:c", true},
		{"StringLike", `"A*"`, "ab", false},
		{"StringNotLike", `"a*"`, "ab", false},
		{"StringNotLike", `"a*"`, "b", true},
		{"StringNotLike", `"a*"`, "", true},

		{"NumericEquals", `10`, "10.0", true},
		{"NumericEquals", `"10"`, "+1e1", true},
		{"NumericEquals", `10`, "ten", false},
		{"NumericEquals", `10`, "0x0a", false},
		{"NumericEquals", `10`, "", false},
		{"NumericNotEquals", `10`, "10", false},
		{"NumericNotEquals", `10`, "11", true},
		{"NumericNotEquals", `10`, "ten", true},
		{"NumericLessThan", `10`, "9.99", true},
		{"NumericLessThan", `10`, "10", false},
		{"NumericLessThan", `[5,10]`, "7", true},
		{"NumericLessThanEquals", `10`, "10", true},
		{"NumericLessThanEquals", `10`, "11", false},
		{"NumericGreaterThan", `10`, "11", true},
		{"NumericGreaterThan", `10`, "10", false},
		{"NumericGreaterThanEquals", `-10`, "-10", true},
		{"NumericGreaterThanEquals", `-10`, "-11", false},

		{"DateEquals", `"2026-11-01T00:00:00Z"`, "2026-11-01T01:00:00+01:00", true},
		{"DateEquals", `"2026-11-01"`, "2026-11-01T00:00Z", true},
		{"DateEquals", `"2026-11"`, "2026-11-01T00:00:00.000Z", true},
		{"DateEquals", `"2026"`, "1767225600", true},
		{"DateEquals", `1767225600`, "2026-01-01T00:00:00", true},
		{"DateEquals", `"2026-01-01T00:00"`, "1767225600", true},
		{"DateEquals", `"2026-11-01"`, "soon", false},
		{"DateNotEquals", `"2026-11-01"`, "2026-11-02", true},
		{"DateNotEquals", `"2026-11-01"`, "2026-11-01", false},
		{"DateLessThan", `"2026-11-01"`, "2026-10-31T23:59:59Z", true},
		{"DateLessThan", `"2026-11-01"`, "2026-11-01", false},
		{"DateLessThanEquals", `"2026-11-01"`, "2026-11-01", true},
		{"DateGreaterThan", `"2026-11-01"`, "2026-11-01T00:00:01Z", true},
		{"DateGreaterThan", `"2026-11-01"`, "2026-11-01", false},
		{"DateGreaterThanEquals", `"2026-11-01"`, "2026-11-01", true},
		{"DateGreaterThanEquals", `"2026-11-01"`, "2026-10-01", false},
		{"DateEquals", `"2026-11-01T01:30-01:30"`, "2026-11-01T03:00:00Z", true},
		{"DateEquals", `"2026-11-1t1:2:3.5+0130"`, "2026-10-31T23:32:03.500Z", true},
		{"DateEquals", `"2026-11T"`, "2026-11-01", true},
		{"DateEquals", `"2026-11-01"`, "2026-11-01T24:00:00Z", false},

		{"Bool", `"true"`, "true", true},
		{"Bool", `true`, "True", true},
		{"Bool", `"false"`, "false", true},
		{"Bool", `"true"`, "false", false},
		{"Bool", `"false"`, "", false},
		{"Bool", `"true"`, "1", false},
		{"BoolIfExists", `"true"`, "", true},
		{"BinaryEquals", `"QUI="`, "QUI=", true},
		{"BinaryEquals", `"QUI="`, "QUM=", false},
		{"BinaryEquals", `"QUI="`, "QUI", false},

		{"IpAddress", `"203.0.113.0/24"`, "203.0.113.9", true},
		{"IpAddress", `"203.0.113.7/24"`, "203.0.113.9", true},
		{"IpAddress", `"203.0.113.0/24"`, "203.0.114.9", false},
		{"IpAddress", `"203.0.113.9"`, "203.0.113.9", true},
		{"IpAddress", `"203.0.113.9"`, "203.0.113.8", false},
		{"IpAddress", `"203.0.113.9"`, "::ffff:203.0.113.9", true},
		{"IpAddress", `"::ffff:cb00:7100/120"`, "203.0.113.9", true},
		{"IpAddress", `"::ffff:cb00:7109"`, "203.0.113.9", true},
		{"IpAddress", `["10.0.0.0/8","2001:db8::/32"]`, "2001:DB8:1::1", true},
		{"IpAddress", `"2001:db8::1"`, "2001:db8::1", true},
		{"IpAddress", `"0.0.0.0/0"`, "2001:db8::1", false},
		{"IpAddress", `"0.0.0.0/0"`, "localhost", false},
		{"IpAddress", `"0.0.0.0/0"`, "", false},
		{"NotIpAddress", `"10.0.0.0/8"`, "10.1.2.3", false},
		{"NotIpAddress", `"10.0.0.0/8"`, "11.1.2.3", true},
		{"NotIpAddress", `"10.0.0.0/8"`, "", true},

		{"ArnLike", `"arn:aws:s3:::bucket"`, "arn:aws:s3:::bucket", true},
		{"ArnEquals", `"arn:aws:cloudfront::*:distribution/E?"`, "arn:aws:cloudfront::111122223333:distribution/E1", true},
		{"ArnLike", `"arn:aws:iam::*:role/*"`, "arn:aws:iam::1:user:2:role/x", false},
		{"ArnLike", `"arn:aws:iam::1*:user/x"`, "arn:aws:iam::1:2:user/x", false},
		{"ArnLike", `"arn:aws:lambda:*:*:function:*"`, "arn:aws:lambda:eu-west-1:111122223333:function:books:live", true},
		{"ArnLike", `"*"`, "arn:aws:s3:::bucket", true},
		{"ArnLike", `"*"`, "bucket", false},
		{"ArnLike", `"*"`, "arn:aws:s3", false},
		{"ArnLike", `"arn:aws:*"`, "arn:aws:s3:::bucket", false},
		{"ArnLike", `"arn:aws:s3:::bucket"`, "", false},
		{"ArnNotLike", `"arn:aws:s3:::b*"`, "arn:aws:s3:::bucket", false},
		{"ArnNotLike", `"arn:aws:s3:::b*"`, "", true},
		{"ArnNotEquals", `"arn:aws:s3:::b*"`, "arn:aws:s3:::other", true},

		{"Null", `"true"`, "", true},
		{"Null", `true`, "x", false},
		{"Null", `"false"`, "x", true},
		{"Null", `"false"`, "", false},
		{"Null", `["true","false"]`, "x", true},
		{"StringEqualsIfExists", `"a"`, "", true},
		{"StringEqualsIfExists", `"a"`, "b", false},
		{"StringNotEqualsIfExists", `"a"`, "", true},
		{"ForAnyValue:StringEqualsIfExists", `"a"`, "", true},
	}
	for _, tt := range tests {
		ctx := policy.Values{}
		if tt.request != "" {
			ctx["k:k"] = []string{tt.request}
		}
		if got := holds(t, "2012-10-17", `{"`+tt.operator+`":{"k:k":`+tt.policy+`}}`, ctx); got != tt.want {
			t.Errorf("%s %s of %q: got %v", tt.operator, tt.policy, tt.request, got)
		}
	}
}

// TestMultivalued follows "Set operators for multivalued context keys" of the IAM User Guide; without a set operator
// several values meet no condition.
func TestMultivalued(t *testing.T) {
	list := `{"k:k":["red","blue"]}`
	tests := []struct {
		operator string
		request  string // space-separated; "-" is an absent key, "0" an empty list
		want     bool
	}{
		{"ForAllValues:StringEquals", "red", true},
		{"ForAllValues:StringEquals", "red blue", true},
		{"ForAllValues:StringEquals", "red green", false},
		{"ForAllValues:StringEquals", "-", true},
		{"ForAllValues:StringEquals", "0", true},
		{"ForAllValues:StringEquals", "", false},
		{"ForAllValues:StringNotEquals", "green white", true},
		{"ForAllValues:StringNotEquals", "green red", false},
		{"ForAllValues:StringNotEquals", "-", true},
		{"ForAnyValue:StringEquals", "green red", true},
		{"ForAnyValue:StringEquals", "green", false},
		{"ForAnyValue:StringEquals", "-", false},
		{"ForAnyValue:StringEquals", "0", false},
		{"ForAnyValue:StringNotEquals", "", true},
		{"StringNotEquals", "", true},
		{"ForAnyValue:StringNotEquals", "green red", true},
		{"ForAnyValue:StringNotEquals", "red", false},
		{"ForAnyValue:StringNotEquals", "-", false},
		{"StringEquals", "green red", false},
		{"StringEquals", "green white", false},
		{"StringNotEquals", "green red", false},
		{"StringNotEquals", "green white", false},
		{"StringNotEquals", "0", true},
	}
	for _, tt := range tests {
		ctx := policy.Values{"K:K": strings.Split(tt.request, " ")}
		switch tt.request {
		case "-":
			ctx = nil
		case "0":
			ctx["K:K"] = nil
		}
		if got := holds(t, "2012-10-17", `{"`+tt.operator+`":`+list+`}`, ctx); got != tt.want {
			t.Errorf("%s of %q: got %v", tt.operator, tt.request, got)
		}
	}
}

// TestVariables follows "IAM policy elements: Variables and tags" of the IAM User Guide.
func TestVariables(t *testing.T) {
	ctx := policy.Values{
		"aws:username": {"alice"}, "aws:PrincipalTag/Team": {"red"}, "k:star": {"*"}, "k:many": {"a", "b"}, "k:wild": {"\xff"},
		"s3:prefix": {"home/alice/x"}, "k:dollar": {"$"}, "k:q": {"a?"}, "k:text": {"${aws:username}"}, "k:arn": {"arn:aws:s3:::alice"},
		"k:empty": {""},
	}
	tests := []struct {
		condition string
		want      bool
	}{
		{`{"StringLike":{"s3:prefix":"home/${aws:username}/*"}}`, true},
		{`{"StringLike":{"s3:prefix":"home/${AWS:USERNAME}/?"}}`, true},
		{`{"StringLike":{"s3:prefix":"home/${aws:userid}/*"}}`, false},
		{`{"StringNotLike":{"s3:prefix":"home/${aws:userid}/*"}}`, true},
		{`{"StringLike":{"s3:prefix":"home/${aws:userid, 'alice'}/*"}}`, true},
		{`{"StringLike":{"s3:prefix":"home/${aws:username,'bob'}/*"}}`, true},
		{`{"StringEquals":{"aws:username":"${aws:username}"}}`, true},
		{`{"StringEquals":{"aws:PrincipalTag/Team":"${aws:PrincipalTag/team}"}}`, true},
		{`{"StringEqualsIgnoreCase":{"aws:username":"ALI${k:none,'CE'}"}}`, true},
		{`{"StringEqualsIgnoreCase":{"aws:username":"${k:none}"}}`, false},
		{`{"ArnLike":{"k:arn":"arn:aws:s3:::${aws:username}"}}`, true},
		{`{"ArnLike":{"k:arn":"arn:aws:s3:::${k:none}"}}`, false},
		{`{"StringLike":{"aws:username":"${k:empty}*"}}`, false},
		{`{"StringLike":{"aws:username":"${k:empty, 'al'}*"}}`, true},
		{`{"StringLike":{"aws:username":"${k:star}"}}`, false}, // a value is never a wildcard
		{`{"StringLike":{"aws:username":"${k:wild}"}}`, false},
		{`{"StringEquals":{"k:many":"${k:many}"}}`, false}, // only single-valued keys
		{`{"StringLike":{"k:star":"${*}"}}`, true},
		{`{"StringLike":{"aws:username":"${*}"}}`, false},
		{`{"StringLike":{"k:q":"a${?}"}}`, true},
		{`{"StringLike":{"aws:username":"alic${?}"}}`, false},
		{`{"StringEquals":{"k:dollar":"${$}"}}`, true},
		{`{"StringEquals":{"k:text":"${$}{aws:username}"}}`, true},
		{`{"StringEquals":{"k:text":"$${$}"}}`, false},
	}
	for _, tt := range tests {
		if got := holds(t, "2012-10-17", tt.condition, ctx); got != tt.want {
			t.Errorf("%s: got %v", tt.condition, got)
		}
	}
	for condition, want := range map[string]bool{ // "treated as literal strings" before version 2012-10-17
		`{"StringEquals":{"aws:username":"${aws:username}"}}`: false,
		`{"StringEquals":{"k:text":"${aws:username}"}}`:       true,
		`{"StringLike":{"k:text":"${aws:*}"}}`:                true,
	} {
		if got := holds(t, "2008-10-17", condition, ctx); got != want {
			t.Errorf("old version: %s: got %v", condition, got)
		}
	}
}

// TestConditionsAreAnded checks that operators and keys all have to hold.
func TestConditionsAreAnded(t *testing.T) {
	ctx := policy.Values{"aws:username": {"alice"}, "aws:SecureTransport": {"true"}}
	if !holds(t, "2012-10-17", `{"StringEquals":{"aws:username":"alice"},"Bool":{"AWS:securetransport":"true"}}`, ctx) {
		t.Error("both hold")
	}
	if holds(t, "2012-10-17", `{"StringEquals":{"aws:username":"alice","aws:userid":"x"},"Bool":{"aws:SecureTransport":"true"}}`, ctx) {
		t.Error("one key is absent")
	}
	if holds(t, "2012-10-17", `{"StringEquals":{"aws:username":"alice"},"Bool":{"aws:SecureTransport":"false"}}`, ctx) {
		t.Error("one operator fails")
	}
	if holds(t, "2012-10-17", `{"StringEquals":{"aws:username":"alice"}}`, nil) {
		t.Error("a request without a context has no keys")
	}
}

// spy records the keys it is asked for.
type spy []string

func (s *spy) Lookup(key string) ([]string, bool) { *s = append(*s, key); return nil, false }

// TestLookupSpelling checks that an implementation of Context is asked in AWS's spelling.
func TestLookupSpelling(t *testing.T) {
	var got spy
	condition := ""
	want := []string{"aws:SourceArn", "aws:PrincipalTag/teaM", "lambda:FunctionUrlAuthType", "my:Key/x", "aws:username"}
	for i, key := range []string{"AWS:sourcearn", "aws:principaltag/teaM", "lambda:FunctionUrlAuthType", "my:Key/x"} {
		condition += `"` + []string{"StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike"}[i] + `":{` + strconv.Quote(key) + `:"x"},`
	}
	condition += `"StringEqualsIgnoreCase":{"aws:UserName":"x"}`
	holds(t, "2012-10-17", "{"+condition+"}", &got)
	if diff := cmp.Diff(want, []string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for lower, key := range policy.KnownKeys() {
		if lower != strings.ToLower(key) || !strings.Contains(key, ":") {
			t.Errorf("%q: %q", lower, key)
		}
	}
}

func TestContextKeys(t *testing.T) {
	d := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::${aws:UserID}/*","arn:aws:s3:::x"],"Condition":{
			"StringEquals":{"AWS:sourceip":"${k:a}"},"StringLike":{"k:l":"${k:b}"},"ArnLike":{"aws:SourceArn":"arn:aws:s3:::${k:c}"},
			"StringEqualsIgnoreCase":{"k:l":"${k:d, 'x'}-${*}"},"Null":{"k:n":"true"}}}]}`)
	want := []string{"aws:SourceArn", "aws:SourceIp", "aws:userid", "k:a", "k:b", "k:c", "k:d", "k:l", "k:n"}
	if diff := cmp.Diff(want, d.ContextKeys()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
