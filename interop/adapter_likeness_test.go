//go:build unix

package interop_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// twin is a function that serves testdata/function/webecho, once behind the adapter and once natively.
type twin struct {
	name string
	port string // in its variables
	url  *url.URL
}

// createTwins creates both functions, whose URLs anybody may call. Their names are of the same length.
func (s *server) createTwins(t *testing.T, layer, name string, mode types.InvokeMode, variables map[string]string) [2]twin {
	t.Helper()
	client := lambda.NewFromConfig(s.config())
	var twins [2]twin
	for i, prefix := range []string{"adapter-", "natives-"} {
		function, port := prefix+name, freePort(t)
		raw := s.createFunction(t, function, types.RuntimeProvidedal2023, "bootstrap",
			writeZip(t, nil, map[string]string{"bootstrap": must(t, buildWebEcho)}), mode, func(in *lambda.CreateFunctionInput) {
				in.Layers = []string{[]string{layer, publicAdapter}[i]}
				in.Environment = &types.Environment{Variables: map[string]string{"PORT": port, "AWS_LWA_INVOKE_MODE": string(mode)}}
				maps.Copy(in.Environment.Variables, variables)
			})
		ctx := t.Context()
		if _, err := client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{
			FunctionName: &function, AuthType: types.FunctionUrlAuthTypeNone,
		}); err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} {
			in := &lambda.AddPermissionInput{
				FunctionName: &function, StatementId: aws.String(strings.TrimPrefix(action, "lambda:")), Action: &action, Principal: aws.String("*"),
			}
			if action == "lambda:InvokeFunctionUrl" {
				in.FunctionUrlAuthType = types.FunctionUrlAuthTypeNone
			} else {
				in.InvokedViaFunctionUrl = aws.Bool(true)
			}
			if _, err := client.AddPermission(ctx, in); err != nil {
				t.Fatal(err)
			}
		}
		parsed, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		s.alone(t, function)
		twins[i] = twin{function, port, parsed}
	}
	return twins
}

// send sends a request byte for byte, with the line and headers given, and returns the response without what is of this
// function or this moment.
func (w twin) send(t *testing.T, line, header, body string) string {
	t.Helper()
	response, content := w.exchange(t, line, header, body)
	for response.StatusCode == http.StatusTooManyRequests { // the environment has not yet done with the request before
		time.Sleep(10 * time.Millisecond)
		response, content = w.exchange(t, line, header, body)
	}
	if strings.Contains(header, "Cookie:") { // see echoed
		response.Header.Del("Content-Length")
		response.Header.Del("X-Amzn-Remapped-Content-Length")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, chunked %t, length %t\n", response.Status, len(response.TransferEncoding) > 0, response.ContentLength >= 0)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		for _, value := range response.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	return w.neutral(b.String() + "\n" + echoed(content))
}

// exchange sends a request and reads the whole response.
func (w twin) exchange(t *testing.T, line, header, body string) (*http.Response, []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", w.url.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // reads would fail
	method, target, _ := strings.Cut(line, " ")
	if body != "" {
		header += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	base := strings.TrimSuffix(w.url.Path, "/")
	fmt.Fprintf(conn, "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", method, base, target, w.url.Host, header, body)
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		content = fmt.Append(content, "\nerror: ", err)
	}
	if response.Header.Get("Content-Encoding") == "gzip" {
		if unzipped, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
			if content, err = io.ReadAll(unzipped); err != nil {
				t.Error(err)
			}
			response.Header.Set("Content-Length", "of gzip")
		}
	}
	return response, content
}

// invoke invokes the function with an event.
func (w twin) invoke(t *testing.T, client *lambda.Client, event string) string {
	t.Helper()
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &w.name, Payload: []byte(event)})
	if err != nil {
		t.Fatal(err)
	}
	// The order of an envelope's members means nothing.
	var envelope struct {
		StatusCode        *int
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		Cookies           []string
		Body              *string
		IsBase64Encoded   *bool
	}
	text := echoed(out.Payload)
	if err := json.Unmarshal(out.Payload, &envelope); err == nil && envelope.StatusCode != nil {
		if envelope.Body != nil {
			text = echoed([]byte(*envelope.Body))
			delete(envelope.Headers, "content-length") // that of an echo depends on the order of members within it
			envelope.Body = nil
		}
		whole, _ := json.MarshalIndent(envelope, "", " ")
		text = string(whole) + "\n" + text
	}
	return w.neutral(fmt.Sprintf("error %q\n%s", aws.ToString(out.FunctionError), text))
}

// echoed shows the request in an answer of the application line by line, other answers as they are.
func echoed(content []byte) string {
	var echo struct {
		Lines []string
		Body  []byte
	}
	if err := json.Unmarshal(content, &echo); err != nil || echo.Lines == nil {
		return fmt.Sprintf("%q", content)
	}
	for i, line := range echo.Lines {
		name, value, _ := strings.Cut(line, ": ")
		if name == "cookie" { // joined with a semicolon alone by the adapter's library until its version 1.1
			echo.Lines[i] = strings.ReplaceAll(line, "; ", ";")
		}
		var parsed map[string]any
		if strings.HasSuffix(name, "-context") && json.Unmarshal([]byte(value), &parsed) == nil {
			if context, ok := parsed["http"].(map[string]any); ok {
				maps.DeleteFunc(parsed, isAbsent) // the adapter writes what the context of an event leaves out
				maps.DeleteFunc(context, isAbsent)
			}
			sorted, _ := json.MarshalIndent(parsed, "", " ") // as readers of JSON take it
			echo.Lines[i] = name + ": " + string(sorted)
		}
	}
	return fmt.Sprintf("%s\n\n%q", strings.Join(echo.Lines, "\n"), echo.Body)
}

func isAbsent(_ string, value any) bool { return value == nil || value == 0.0 }

var momentary = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d-[0-9a-f]{8}-[0-9a-f]{24}(;[^"\n]*)?|` +
	`encoded body: [^"\\]*|\b1[78]\d{11}\b|[0-9a-f]{32}|\d\d/[A-Z][a-z]{2}/\d{4}:[0-9:]{8}|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d [0-9:]{8}`)

func (w twin) neutral(text string) string {
	parts := strings.Split(strings.Trim(w.url.Path, "/"), "/")
	text = strings.NewReplacer(w.name, "FUNCTION", ":"+w.port, ":PORT", parts[len(parts)-1], "ID").Replace(text)
	return momentary.ReplaceAllString(text, "MOMENTARY")
}

// twinSettings are settings with requests and events that tell them from others.
type twinSettings struct {
	name      string
	mode      types.InvokeMode
	variables map[string]string
	requests  []twinRequest
	events    []string
}

type twinRequest struct{ line, header, body string }

// TestWebAdapterLikeness sends the same requests and events to an application behind the adapter and to the same
// application served natively: both have to get the same from there, and their callers the same answers.
func TestWebAdapterLikeness(t *testing.T) {
	content := adapterLayer(t)
	s := startServer(t)
	layer := s.publishAdapter(t, content)
	client := lambda.NewFromConfig(s.config())
	for _, settings := range likeness {
		t.Run(settings.name, func(t *testing.T) {
			twins := s.createTwins(t, layer, settings.name, settings.mode, settings.variables)
			for _, request := range settings.requests {
				adapter := twins[0].send(t, request.line, request.header, request.body)
				native := twins[1].send(t, request.line, request.header, request.body)
				if diff := cmp.Diff(adapter, native); diff != "" {
					t.Errorf("%s %q: - adapter, + native\n%s", request.line, request.header, diff)
				}
			}
			for _, event := range settings.events {
				adapter, native := twins[0].invoke(t, client, event), twins[1].invoke(t, client, event)
				if diff := cmp.Diff(adapter, native); diff != "" {
					t.Errorf("%s: - adapter, + native\n%s", event, diff)
				}
			}
		})
	}
}

// answered are requests for each of the answers of the application.
func answered(header string, names ...string) []twinRequest {
	var requests []twinRequest
	for _, name := range names {
		requests = append(requests, twinRequest{"GET /answer/" + name, header, ""})
	}
	return requests
}

var plainRequests = slices.Concat([]twinRequest{
	{"GET /", "", ""},
	{"GET /a%20b/%2F/%C3%BC/%zz/~!$&'()*+,;=:@", "", ""},
	{"GET /a/../b/./c/%2e%2e/d//e/", "", ""},
	{"GET /a|b^c[d]`e{f}\"<>", "", ""},
	{"GET /x?a=1&a=2&b=%2F%20+&c&=d&e==f&%zz&g=ü", "", ""},
	{"GET /x?", "", ""},
	{"GET /x??a?b#c", "", ""},
	{"GET /x?a=[1]|{2}^`'\"<>\\", "", ""},
	{"GET /x?a;b;c", "", ""},
	{"GET /h", "X-Repeated: one\r\nX-REPEATED: two\r\nX-Camel-Case: A\r\nAccept: text/html, */*;q=0.1\r\nx_under: 1\r\nUser-Agent: test/1\r\nX-Empty:\r\n", ""},
	{"GET /h", "Cookie: a=1; b=2\r\nCookie: c=\"3, 4\"\r\n", ""},
	{"GET /h", "Accept-Encoding: gzip, br\r\nAuthorization: Bearer x\r\nOrigin: https://example.com\r\nReferer: https://example.com/a\r\n", ""},
	{"GET /h", "Connection: keep-alive, x-hop\r\nKeep-Alive: 1\r\nX-Hop: 1\r\nTE: trailers\r\nUpgrade: websocket\r\nProxy-Connection: close\r\n", ""},
	{"GET /h", "X-Amzn-Request-Context: {}\r\nX-Amzn-Lambda-Context: {}\r\n", ""},
	{"GET /h", "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1\r\n", ""},
	{"GET /h", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: other\r\nX-Forwarded-Proto: gopher\r\nForwarded: for=1.2.3.4\r\n", ""},
	{"GET /h", "X-Text: caf\xc3\xa9\r\nX-Tab: a\tb\r\nX-Quote: \"a\\b\"\r\n", ""},
	{"POST /p", "Content-Type: application/octet-stream\r\n", "\x00\xff\n\""},
	{"POST /p", "Content-Type: application/x-www-form-urlencoded\r\n", "a=1&b=%20+c"},
	{"POST /p", "Content-Type: application/json\r\n", `{"a":"é\n"}`},
	{"POST /p", "Content-Type: text/plain; charset=iso-8859-1\r\n", "caf\xe9"},
	{"POST /p", "", "no type"},
	{"POST /p", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "\x1f\x8b"},
	{"POST /p", "Content-Length: 0\r\n", ""},
	{"PUT /p", "Content-Type: text/plain\r\n", "put"},
	{"PUT /p", "Content-Length: 0\r\n", ""},
	{"PATCH /p", "Content-Length: 0\r\n", ""},
	{"DELETE /p", "", ""},
	{"DELETE /p", "Content-Type: text/plain\r\n", "del"},
	{"GET /p", "Content-Type: text/plain\r\n", "body of a GET"},
	{"HEAD /h", "", ""},
	{"HEAD /answer/long", "", ""},
	{"OPTIONS /h", "Origin: https://example.com\r\nAccess-Control-Request-Method: PUT\r\n", ""},
	{"GET /answer/long", "Accept-Encoding: gzip\r\n", ""},
}, answered("", plainAnswers...))

var plainAnswers = []string{
	"cookies", "redirect", "empty", "unchanged", "missing", "failing", "gateway", "teapot", "status", "binary", "form", "untyped",
	"text", "upper", "astext", "problem", "script", "encoded", "charset", "chunked", "hops", "pragma", "odd", "obs", "same",
	"early", "obslatin", "zero", "closed", "unsized", "long", "picture", "pieces", "part", "events",
}

// ofHTTP is an event of payload format 2.0 with some members.
func ofHTTP(method, members string) string {
	return `{"version":"2.0","routeKey":"$default","rawPath":"/e",` + members + `"requestContext":{"accountId":"anonymous","apiId":"ID",` +
		`"domainName":"ID.lambda-url.eu-central-1.on.aws","domainPrefix":"ID","http":{"method":"` + method + `","path":"/e",` +
		`"protocol":"HTTP/1.1","sourceIp":"1.2.3.4","userAgent":"u"},"requestId":"r","routeKey":"$default","stage":"$default",` +
		`"time":"30/Nov/2026:00:00:00 +0000","timeEpoch":1}}`
}

var likeness = []twinSettings{
	{
		name: "buffered", mode: types.InvokeModeBuffered, requests: append(slices.Clone(plainRequests), answered("", "cut")...),
		events: []string{
			`{}`, `null`, `1`, `"text"`, `[]`, `true`, "{\"a\": [1, 2.50, \"\\u00e9\"] }",
			`{"Records":[{"messageId":"1","body":"x"}]}`,
			`{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`,
			`{"version":"2.0"}`, `{"version":"2.0","requestContext":{"http":{}}}`, `{"version":"2.0","requestContext":{"http":{"method":"GET"}}}`,
			`{"requestContext":{"http":{"method":"PUT"}}}`, `{"version":"2.0","rawPath":"/e","requestContext":{"http":{"method":"get"}}}`,
			ofHTTP("GET", ""), ofHTTP("POST", ""), ofHTTP("GE T", ""), ofHTTP("PROPFIND", ""),
			ofHTTP("GET", `"headers":{"Host":"h","X-B":"2","x-a":"1","Accept":"*/*"},`),
			ofHTTP("GET", `"headers":{"cookie":"old=1"},"cookies":["a=1","b=2"],`),
			ofHTTP("GET", `"headers":{"cookie":"old=1"},"cookies":[],`),
			ofHTTP("GET", `"headers":null,"cookies":null,"body":null,"queryStringParameters":null,`),
			ofHTTP("GET", `"headers":{"expect":"100-continue","A":"1","a":"2","":"3"},`), ofHTTP("GET", `"headers":{"A":"1","b":"3","a":"2"},`),
			ofHTTP("GET", `"headers":["a"],`), ofHTTP("GET", `"headers":{"a":1},`), ofHTTP("GET", `"headers":{"a b":"1"},`),
			ofHTTP("GET", `"headers":{"a":"b\r\nc: d"},`), ofHTTP("GET", `"headers":{"a":"é"},`),
			ofHTTP("GET", `"rawQueryString":"a=1&b=%20",`), ofHTTP("GET", `"queryStringParameters":{"a":"1,2"},`),
			ofHTTP("POST", `"body":"caf\u00e9",`), ofHTTP("POST", `"body":"AP8=","isBase64Encoded":true,`),
			ofHTTP("POST", `"body":"!","isBase64Encoded":true,`), ofHTTP("POST", `"body":{"a":1},`),
			ofHTTP("POST", `"headers":{"content-length":"2","x":"y"},"body":"ab",`), ofHTTP("GET", `"headers":{"content-length":"0"},`),
			ofHTTP("DELETE", `"headers":{"content-length":"0"},`), ofHTTP("POST", `"headers":{"content-length":"0"},`),
		},
	},
	{
		name: "streamed", mode: types.InvokeModeResponseStream, requests: plainRequests,
	},
	{
		name: "settings", mode: types.InvokeModeBuffered,
		variables: map[string]string{
			"AWS_LWA_REMOVE_BASE_PATH": "/v1", "AWS_LWA_AUTHORIZATION_SOURCE": "X-Auth", "AWS_LWA_PASS_THROUGH_PATH": "/my/events?x",
			"AWS_LWA_ERROR_STATUS_CODES": "500,502-504",
		},
		requests: []twinRequest{
			{"GET /v1/orders?a=1", "", ""}, {"GET /v1", "", ""}, {"GET /v1/", "", ""}, {"GET /other", "", ""}, {"GET /a/v1/b", "", ""}, {"GET /V1/b", "", ""},
			{"GET /v1/a", "X-Auth: mine\r\nAuthorization: other\r\n", ""}, {"GET /v1/a", "x-auth: mine\r\n", ""},
			{"GET /v1/a", "Authorization: other\r\n", ""}, {"GET /v1/answer/failing", "", ""}, {"GET /v1/answer/gateway", "", ""},
			{"GET /v1/answer/missing", "", ""}, {"POST /my/events", "", "x"},
		},
		events: []string{`{"Records":[]}`, ofHTTP("POST", `"headers":{"x-auth":"mine"},`)},
	},
	{
		name: "compressed", mode: types.InvokeModeBuffered, variables: map[string]string{"AWS_LWA_ENABLE_COMPRESSION": "true"},
		requests: slices.Concat(
			answered("Accept-Encoding: gzip\r\n", append(slices.Clone(plainAnswers), "drawing", "cut")...),
			[]twinRequest{{"HEAD /answer/long", "Accept-Encoding: gzip\r\n", ""}, {"GET /answer/long", "", ""}, {"GET /x", "Accept-Encoding: gzip\r\n", ""}},
			answered("Accept-Encoding: gzip;q=0\r\n", "long"), answered("Accept-Encoding: identity\r\n", "long"),
			answered("Accept-Encoding: deflate\r\n", "long"), answered("Accept-Encoding: GZIP;q=0.5, br;q=0\r\n", "long"),
			answered("Accept-Encoding: x-gzip\r\n", "long"), answered("Accept-Encoding: *\r\n", "long"),
			answered("Accept-Encoding: gzip;q=0.1, identity;q=0.9\r\n", "long"), answered("Accept-Encoding: identity, gzip\r\n", "long"),
			answered("Accept-Encoding: gzip;q=x\r\n", "long"), answered("Accept-Encoding: x-gzip; q=0.3,identity;q=0.3\r\n", "long"),
		),
	},
}
