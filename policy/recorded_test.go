package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
)

// TestConditionsAsRecorded: what AWS made of conditions in September 2026: iam:TagUser through session policies, each
// condition once in an Allow and once in a Deny statement (radkawar/stackd, testdata/aws/iam/condition_values.json,
// condition_sets.json, condition_strings.json and condition_ip.json).
func TestConditionsAsRecorded(t *testing.T) {
	const date = "2030-01-01T00:00:00Z"
	tests := []struct {
		operator, wanted string // wanted by the policy
		value            string // of the tag that the request sets
		holds, negated   bool   // for the operator, and for its negation
	}{
		{"NumericEquals", "1", "01", true, false},
		{"NumericEquals", "1", "+1", true, false},
		{"NumericEquals", "1", "1.0", true, false},
		{"NumericEquals", "1", "1e0", true, false},
		{"NumericEquals", "1", "", false, true},
		{"NumericEquals", "1", "no-number", false, true},
		{"NumericEquals", "1", "NaN", false, true},
		{"NumericEquals", "1", "Infinity", false, true},
		{"NumericEquals", "01", "1", true, false},
		{"NumericEquals", "+1", "1", true, false},
		{"NumericEquals", "1.", "1", true, false},
		{"NumericEquals", "9007199254740993", "9007199254740992", false, true},
		{"DateEquals", date, "1893456000", true, false},
		{"DateEquals", date, "+1893456000", true, false},
		{"DateEquals", date, "2030-01-01", true, false},
		{"DateEquals", date, "2030-01-01T00:00:00", true, false},
		{"DateEquals", date, "2030-01-01T00:00:00.0001Z", true, false},
		{"DateEquals", "2030-01-01T00:00:00.1231Z", "2030-01-01T00:00:00.1239Z", true, false},
		{"DateEquals", date, "2030-01-02T00:00:00Z", false, true},
		{"DateEquals", date, "not-a-date", false, true},
		{"DateEquals", date, "", false, true},
		{"IpAddress", "192.0.2.0/24", "192.0.2.255", true, false},
		{"IpAddress", "192.0.2.0/24", "192.0.3.1", false, true},
		{"IpAddress", "192.0.2.5/24", "192.0.2.1", true, false},
		{"IpAddress", "192.0.2.0/0", "203.0.113.1", true, false},
		{"IpAddress", "192.0.2.0/0", "2001:db8::1", false, true},
		{"IpAddress", "192.000.002.0/24", "192.0.2.1", true, false},
		{"IpAddress", "192.000.002.1", "192.0.2.1", true, false},
		{"IpAddress", "192.0.2.0/024", "192.0.2.1", true, false},
		{"IpAddress", "192.0.2.0/+24", "192.0.2.1", true, false},
		{"IpAddress", "192.0.2.0/24", "192.000.2.1", true, false},
		{"IpAddress", "192.0.2.0/24", "not-an-ip", false, false},
		{"IpAddress", "192.0.2.0/24", "", false, false},
		{"IpAddress", "192.0.2.0/24", "192.0.2.1/32", false, false},
		{"ArnLike", "arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:user/test", true, false},
		{"ArnLike", "arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:role/test", false, true},
		{"ArnLike", "arn:aws:iam::*:user/*", "not-an-arn", false, false},
		{"ArnLike", "arn:aws:iam::*:user/*", "", false, false},
		{"StringEqualsIgnoreCase", "prod", "PrOd", true, false},
		{"StringEqualsIgnoreCase", "I", "ı", false, true},
		{"StringEqualsIgnoreCase", "i", "İ", false, true},
		{"StringEqualsIgnoreCase", "İ", "i\u0307", true, false},
		{"StringEqualsIgnoreCase", "𐐀", "𐐨", false, true},
		{"StringEqualsIgnoreCase", "K", "\u212a", true, false},
		{"StringEqualsIgnoreCase", "s", "ſ", false, true},
		{"StringEqualsIgnoreCase", "ß", "ẞ", true, false},
		{"StringEqualsIgnoreCase", "ß", "SS", false, true},
		{"StringEqualsIgnoreCase", "Σ", "ς", false, true},
		{"StringEqualsIgnoreCase", "Σ", "σ", true, false},
		{"StringEqualsIgnoreCase", "ΟΣ", "ος", true, false},
		{"StringEqualsIgnoreCase", "ΟΣ", "οσ", false, true},
		{"StringEqualsIgnoreCase", "ΟΣΑ", "οσα", true, false},
		{"StringEqualsIgnoreCase", "AΣ𐐀", "aσ𐐀", true, false},
		{"StringEqualsIgnoreCase", "𐐀Σ", "𐐀ς", true, false},
		{"StringEqualsIgnoreCase", "É", "é", true, false},
		{"StringLike", "??", "𐐀", true, false},
		{"StringLike", "?", "𐐀", false, true},
		{"StringLike", "?", "é", true, false},
		{"StringLike", "?", "e\u0301", false, true},
		{"StringLike", "*?", "𐐀", true, false},
		{"StringLike", "a?b", "a𐐀b", false, true},
		{"StringLike", "a??b", "a𐐀b", true, false},
		{"StringLike", "a*?b", "a𐐀b", true, false},
		{"StringLike", "a?*b", "a𐐀b", true, false},
		{"StringLike", "a?b", "a:b", true, false},
		{"StringLike", "𐐀?", "𐐀x", true, false},
		{"StringLike", "𐐀?", "𐐀𐐨", false, true},
	}
	negations := map[string]string{
		"NumericEquals": "NumericNotEquals", "DateEquals": "DateNotEquals", "IpAddress": "NotIpAddress", "ArnLike": "ArnNotLike",
		"StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase", "StringLike": "StringNotLike",
	}
	for _, tt := range tests {
		tag := policy.Values{"aws:RequestTag/value": {tt.value}}
		for operator, want := range map[string]bool{tt.operator: tt.holds, negations[tt.operator]: tt.negated} {
			if got := holds(t, "2012-10-17", fmt.Sprintf(`{%q:{"aws:RequestTag/value":%q}}`, operator, tt.wanted), tag); got != want {
				t.Errorf("%s %q, value %q: %t", operator, tt.wanted, tt.value, got)
			}
		}
	}
	for _, tt := range []struct{ condition, tags, want string }{ // of one tag key=value each
		{`"Bool":{"aws:RequestTag/value":"false"}`, "value=false value=yes value=1 value= value=_true_", "true"},
		{`"Bool":{"aws:RequestTag/value":"false"}`, "value=true value=True value=TRUE", "false"},
		{`"Bool":{"aws:RequestTag/value":"TRUE"}`, "value=true", "true"},
		{`"Bool":{"aws:RequestTag/value":"yes"}`, "value=false", "true"},
		{`"NumericLessThan":{"aws:RequestTag/value":"9007199254740993"}`, "value=9007199254740992", "true"},
		{`"Null":{"aws:RequestTag/team":"true"}`, "env=a", "true"},
		{`"Null":{"aws:RequestTag/team":"true"}`, "team= team=a", "false"},
		{`"Null":{"aws:RequestTag/team":"false"}`, "team= team=a", "true"},
		{`"StringEquals":{"aws:RequestTag/team":""}`, "team=", "true"},
		{`"StringEquals":{"aws:RequestTag/team":""}`, "team=a env=a", "false"},
		{`"ForAllValues:StringEquals":{"aws:RequestTag/team":"a"}`, "team=a env=a", "true"},
		{`"ForAllValues:StringEquals":{"aws:RequestTag/team":"a"}`, "team=", "false"},
		{`"ForAnyValue:StringEquals":{"aws:RequestTag/team":""}`, "team=", "true"},
		{`"ForAnyValue:StringEquals":{"aws:RequestTag/team":""}`, "team=a env=a", "false"},
		// A key that may have several values needs a set operator, even if it has one.
		{`"StringEquals":{"aws:TagKeys":"team"}`, "team=a env=a team=a,env=a ", "false"},
		{`"StringNotEquals":{"aws:TagKeys":"team"}`, "team=a env=a team=a,env=a", "false"},
		{`"StringEqualsIfExists":{"aws:TagKeys":"team"}`, "team=a env=a team=a,env=a", "false"},
		{`"StringNotEqualsIfExists":{"aws:TagKeys":"team"}`, "team=a env=a team=a,env=a", "false"},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}`, "team=a team=a,env=a", "true"},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}`, "env=a ", "false"},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":"team"}`, "team=a ", "true"},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":"team"}`, "env=a team=a,env=a", "false"},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"}`, "env=a team=a,env=a", "true"},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"}`, "team=a ", "false"},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":"team"}`, "env=a ", "true"},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":"team"}`, "team=a team=a,env=a", "false"},
		{`"StringNotEquals":{"aws:TagKeys":"team"}`, "", "true"},
		{`"StringEqualsIfExists":{"aws:TagKeys":"team"}`, "", "true"},
		{`"StringNotEqualsIfExists":{"aws:TagKeys":"team"}`, "", "true"},
		{`"StringEquals":{"aws:TagKeys":"team"}`, "", "false"},
		{`"ForAnyValue:NumericEquals":{"aws:TagKeys":"1"}`, "x=a,1=a 1=a,2=a", "true"},
		{`"ForAllValues:NumericNotEquals":{"aws:TagKeys":"1"}`, "x=a x=a,2=a", "true"},
		{`"ForAllValues:NumericNotEquals":{"aws:TagKeys":"1"}`, "x=a,1=a 1=a,2=a", "false"},
		// Nor is it a variable, whatever its default.
		{`"StringEquals":{"aws:RequestTag/team":"${aws:TagKeys}"}`, "team=team team=team,env=env team=x", "false"},
		{`"StringEquals":{"aws:RequestTag/team":"${aws:TagKeys, 'x'}"}`, "team=team team=x", "false"},
		{`"StringNotEquals":{"aws:RequestTag/team":"${aws:TagKeys}"}`, "team=team team=team,env=env team=x", "true"},
		{`"StringNotEquals":{"aws:RequestTag/team":"${aws:TagKeys, 'x'}"}`, "team=team team=x", "true"},
	} {
		requests := strings.Fields(tt.tags)
		if tt.tags == "" {
			requests = []string{""}
		}
		for _, request := range requests {
			ctx := policy.Values{}
			for tag := range strings.SplitSeq(request, ",") {
				if key, value, ok := strings.Cut(tag, "="); ok {
					ctx["aws:RequestTag/"+key] = []string{strings.ReplaceAll(value, "_", " ")}
					ctx["aws:TagKeys"] = append(ctx["aws:TagKeys"], key)
				}
			}
			if got := holds(t, "2012-10-17", "{"+tt.condition+"}", ctx); fmt.Sprint(got) != tt.want {
				t.Errorf("%s, tags %q: %t", tt.condition, request, got)
			}
		}
	}
}

// TestRangesAsRecorded: which ranges AWS takes into a policy (condition_ip.json, policy_storage).
func TestRangesAsRecorded(t *testing.T) {
	for value, taken := range map[string]bool{
		"192.0.2.5/24": true, "192.000.002.1": true, "192.0.2.0/024": true, "192.0.2.0/+24": true, "192.0.2.0/33": false, "192.0.2.0/0": true,
		"::ffff:192.0.2.0/120": false, "::ffff:c000:200/120": true, "::ffff:192.0.2.1": false, "::192.0.2.0/120": false, "::/0": true,
		"2001:db8::1": true, "2001:db8::1/128": true, "2001:db8::/64": true, "2001:db8::5/64": false, "2001:DB8::/064": true, "2001:db8::/129": false,
		"2001:db8::5/127": false, "2001:db8::4/127": true, "2001:db8::1/0": false, "2001:db8::192.0.2.0/120": false,
	} {
		text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NotIpAddressIfExists":{"aws:SourceIp":[%q]}}}}`, value)
		if _, err := policy.Parse([]byte(text), policy.Identity); (err == nil) != taken {
			t.Errorf("%s: %v", value, err)
		}
		if _, err := policy.ParseTaken([]byte(text), policy.Identity); err != nil && strings.Contains(value, "::") && !strings.HasSuffix(value, "/129") {
			t.Errorf("%s, taken: %v", value, err)
		}
	}
}
