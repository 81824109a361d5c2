package event_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/event"
)

// shown is the event of a request without its secrets, and whether it was cut.
func shown(r *event.Request, limit int) (kept []byte, cut bool) {
	open := *r
	open.Header, open.Target, open.Size = event.WithoutSecrets(r.Header), event.HideParameters(r.Target), len(r.Body)
	open.Body, cut, _ = event.HideBody(r.Header.Get("Content-Type"), r.Body, limit)
	return event.Shown(&open, cut, limit)
}

// show is what shown says of an event, which stays as it is.
func show(t *testing.T, r *event.Request, limit int) (members map[string]any, text string, cut bool) {
	t.Helper()
	before := string(event.Append(nil, r))
	kept, cut := shown(r, limit)
	if string(event.Append(nil, r)) != before {
		t.Error("the event itself has changed")
	}
	if err := json.Unmarshal(kept, &members); err != nil {
		t.Fatalf("%v: %s", err, kept)
	}
	return members, string(kept), cut
}

// secret is the secret in all rows below.
const secret = "hunter2"

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestShownHidesSecrets(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.hunter2.c2ln"
	tests := []struct {
		name     string
		header   [2]string
		target   string
		bodyType string
		body     string
		want     string // in the event
	}{
		{name: "session token", header: [2]string{"X-Amz-Security-Token", secret}, want: `"x-amz-security-token":"(hidden)"`},
		{name: "signature", header: [2]string{"Authorization", "AWS4-HMAC-SHA256 Credential=a, Signature=" + secret}, want: `"authorization":"(hidden)"`},
		{name: "the client's own", header: [2]string{"X-Forwarded-Authorization", secret}, want: `"x-forwarded-authorization":"(hidden)"`},
		{name: "auth", header: [2]string{"X-Auth", secret}, want: `"x-auth":"(hidden)"`},
		{name: "API key", header: [2]string{"X-Api-Key", secret}, want: `"x-api-key":"(hidden)"`},
		{name: "in one word", header: [2]string{"Accesstoken", secret}, want: `"accesstoken":"(hidden)"`},
		{name: "CSRF", header: [2]string{"X-Csrf-Token", secret}, want: `"x-csrf-token":"(hidden)"`},
		{name: "by its scheme", header: [2]string{"X-Upstream", "Bearer " + secret}, want: `"x-upstream":"(hidden)"`},
		{name: "by its look", header: [2]string{"X-Amzn-Oidc-Data", jwt}, want: `"x-amzn-oidc-data":"(hidden)"`},
		{name: "cookies", header: [2]string{"Cookie", "a=hunter2; b=hunter2;hunter2"}, want: `"cookies":["a=(hidden)","b=(hidden)","(hidden)"]`},
		{name: "link that led here", header: [2]string{"Referer", "https://h/?a=1&X-Amz-Signature=" + secret}, want: `"referer":"https://h/?a=1&X-Amz-Signature=(hidden)"`},
		{name: "presigned", target: "/?a=1&X-Amz-Signature=hunter2&X-Amz-Security-Token=hunter2", want: `"rawQueryString":"a=1&X-Amz-Signature=(hidden)&X-Amz-Security-Token=(hidden)"`},
		{name: "in another case", target: "/?x-amz-signature=hunter2", want: `"x-amz-signature":"(hidden)"`},
		{name: "escaped name", target: "/?X%2DAmz%2DSignatur%65=hunter2", want: `"X-Amz-Signature":"(hidden)"`},
		{name: "escaped twice", target: "/?X-Amz-Signatur%2565=hunter2", want: `"X-Amz-Signatur%65":"(hidden)"`},
		{name: "OAuth", target: "/cb?access_token=hunter2&state=x", want: `"rawQueryString":"access_token=(hidden)&state=x"`},
		{name: "link in a link", target: "/?next=https%3A%2F%2Fh%2F%3FX-Amz-Signature%3Dhunter2", want: `"next":"(hidden)"`},
		{name: "JSON", bodyType: "application/json", body: `{"user":"me", "token" : "hunter2"}`, want: `{\"user\":\"me\", \"token\" : \"(hidden)\"}`},
		{name: "multipart", bodyType: "multipart/form-data; boundary=b", body: "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n", want: inBase64("--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n(hidden)\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n")},
		{name: "multipart, cut off", bodyType: "Multipart/Form-Data", body: "--b\r\ncontent-disposition: form-data; name=api_key; filename=x\r\n\r\nhunter2", want: inBase64("--b\r\ncontent-disposition: form-data; name=api_key; filename=x\r\n\r\n(hidden)")},
		{name: "JSON, deeper", bodyType: "application/json", body: `[{"a":{"clientSecret":"hun\"ter2hunter2","b":2}}]`, want: `[{\"a\":{\"clientSecret\":\"(hidden)\",\"b\":2}}]`},
		{name: "JSON, a list", bodyType: "application/json", body: `{"tokens":["hunter2",{"x":"hunter2"}],"b":2}`, want: `{\"tokens\":\"(hidden)\",\"b\":2}`},
		{name: "JSON, a number", bodyType: "application/json", body: `{"pin":2,"b":"pin"}`, want: `{\"pin\":\"(hidden)\",\"b\":\"pin\"}`},
		{name: "JSON, escaped name", bodyType: "application/json", body: `{"\u0070assword":"hunter2"}`, want: `{\"\\u0070assword\":\"(hidden)\"}`},
		{name: "JSON, broken off", bodyType: "application/json", body: `{"password":"hunter2`, want: `{\"password\":\"(hidden)\"`},
		{name: "JSON, by its look", bodyType: "application/json", body: `{"x":"` + jwt + `"}`, want: `{\"x\":\"(hidden)\"}`},
		{name: "form", bodyType: "application/x-www-form-urlencoded", body: "user=me&password=hunter2", want: `"body":"dXNlcj1tZSZwYXNzd29yZD0oaGlkZGVuKQ=="`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &event.Request{Target: "/", Header: http.Header{}, Body: []byte(test.body)}
			if test.target != "" {
				r.Target = test.target
			}
			if test.header[0] != "" {
				r.Header.Set(test.header[0], test.header[1])
			}
			if test.bodyType != "" {
				r.Header.Set("Content-Type", test.bodyType)
			}
			_, text, cut := show(t, r, 64<<10)
			if strings.Contains(text, secret) || !strings.Contains(text, test.want) || cut {
				t.Errorf("cut %v, want %s in %s", cut, test.want, text)
			}
		})
	}
}

// What is no secret is shown byte for byte.
func TestShownIsTheEvent(t *testing.T) {
	for name, r := range map[string]*event.Request{
		"nothing": {Target: "/", Header: http.Header{}},
		"much": {
			Method: "POST", Target: "/a//b?page=5&author=me&monkey=1&q=a%2Fb", Body: []byte(`{ "key": "k", "author":"me", "tags": ["token"] }`),
			Header: http.Header{"Content-Type": {"application/json"}, "X-Author": {"me"}, "X-Amz-Content-Sha256": {"abc"}, "Accept": {"*/*"}},
		},
		"binary": {Target: "/", Body: []byte("\x00\xff{\"token\":\"x\"}"), Header: http.Header{}},
	} {
		if _, text, cut := show(t, r, 64<<10); text != string(event.Append(nil, r)) || cut {
			t.Errorf("%s: cut %v, %s", name, cut, text)
		}
	}
}

func TestShownIsBounded(t *testing.T) {
	const limit = 4 << 10
	tests := []struct {
		name, contentType, body string
	}{
		{"text", "text/plain", strings.Repeat("a", 3*limit)},
		{"characters", "text/plain", strings.Repeat("ä€😀", limit)},
		{"escapes", "text/plain", strings.Repeat("\x01\"", limit)},
		{"binary", "application/octet-stream", strings.Repeat("\xff", limit)},
		{"JSON", "application/json", `{"password":"` + strings.Repeat(secret, limit)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &event.Request{Target: "/", Header: http.Header{"Content-Type": {test.contentType}}, Body: []byte(test.body)}
			shown, text, cut := show(t, r, limit)
			if len(text) > limit || !cut || strings.Contains(text, secret) {
				t.Errorf("%d bytes, cut %v: %.200s", len(text), cut, text)
			}
			if strings.ContainsRune(text, '\ufffd') || shown["isBase64Encoded"] != (test.name == "binary") {
				t.Errorf("a character is broken: %.100s", text)
			}
			if headers, _ := shown["headers"].(map[string]any); headers["content-length"] == "0" || headers["content-length"] == "" {
				t.Errorf("the headers are %v", headers)
			}
		})
	}
	large := &event.Request{Target: "/", Header: http.Header{"X-Large": {strings.Repeat("a", 2*limit)}}, Body: []byte("a")}
	if kept, cut := event.Shown(large, false, limit); len(kept) != limit || !cut {
		t.Errorf("of large headers %d bytes are kept, cut %v", len(kept), cut)
	}
}

// Whatever a request is and wherever its body breaks off, what is shown stays within the limit, and the request as it is.
func FuzzShown(f *testing.F) {
	for _, seed := range []string{`{"token":"x"}`, `{"a":[{"token":{"b":"}"}}]`, `["token","x"]`, `{"token"`, `{"token":`, `{"\`, "token=x&y", `{"token":[`, `{"a" "token":}`} {
		f.Add(seed, "application/json", "/?token=x", 100)
	}
	f.Fuzz(func(t *testing.T, body, contentType, target string, limit int) {
		limit = max(64, min(limit, 1<<16))
		r := &event.Request{Target: target, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
		kept, _ := shown(r, limit)
		if len(kept) > limit {
			t.Errorf("%d bytes of at most %d", len(kept), limit)
		}
		if string(r.Body) != body || r.Target != target {
			t.Error("the request has changed")
		}
	})
}

// The names that are taken for harmless at once are harmless by the rules, which do not depend on their case.
func TestNamesOfEveryRequestAreNoSecrets(t *testing.T) {
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "User-Agent", "X-Amz-Date",
		"X-Amz-Content-Sha256", "X-Amzn-Trace-Id", "x-amzn-RequestId",
	} {
		for _, written := range []string{name, strings.ToUpper(name)} {
			if got := event.HideHeader(written, "value"); got != "value" {
				t.Errorf("%s: %s", written, got)
			}
			if got := event.HideHeader(written, "Bearer value"); got != "(hidden)" {
				t.Errorf("%s: shows a token: %s", written, got)
			}
		}
	}
}

func TestHideBody(t *testing.T) {
	tests := []struct {
		contentType, body string
		limit             int
		want              string
		cut, hidden       bool
	}{
		{"application/json", `{"a":1}`, 100, `{"a":1}`, false, false},
		{"", `{"password":"hunter2","a":1}`, 100, `{"password":"(hidden)","a":1}`, false, true},
		{"", `{"password":"hunter2","a":1}`, 17, `{"password":"(hidden)"`, true, true},
		{"application/x-www-form-urlencoded", "a=1&token=hunter2", 100, "a=1&token=(hidden)", false, true},
		{"text/plain", "äö", 3, "ä", true, false},
		{"application/octet-stream", "\xff\xfe", 100, "\xff\xfe", false, false},
	}
	for _, test := range tests {
		shown, cut, hidden := event.HideBody(test.contentType, []byte(test.body), test.limit)
		if string(shown) != test.want || cut != test.cut || hidden != test.hidden {
			t.Errorf("%s: %q, cut %v, hidden %v", test.body, shown, cut, hidden)
		}
	}
}
