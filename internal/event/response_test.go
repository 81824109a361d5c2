package event_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/event"
)

// TestResponses turns each answer testdata/response/NAME.json of a function into a response and compares it, or the
// error, with NAME.txt.
func TestResponses(t *testing.T) {
	answers, err := filepath.Glob(filepath.Join("testdata", "response", "*.json"))
	if err != nil || len(answers) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range answers {
		golden := strings.TrimSuffix(path, ".json") + ".txt"
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			payload, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			response, err := event.ParseResponse(payload)
			if err != nil {
				compare(t, golden, "error: "+err.Error()+"\n")
				return
			}
			compare(t, golden, dump(t, response, "GET"))
		})
	}
}

// dump is the response as it goes over the wire, headers in order.
func dump(t *testing.T, response *event.Response, method string) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	if err := response.Write(recorder, method); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d\n", recorder.Code)
	var names []string
	for name := range recorder.Header() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range recorder.Header()[name] {
			fmt.Fprintf(&text, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&text, "\n%s", recorder.Body)
	return text.String()
}

// TestHead: HEAD has the headers of GET and no body; 204 and 304 have no length either.
func TestHead(t *testing.T) {
	for _, test := range []struct{ payload, method, want string }{
		{`"hello"`, "GET", "200\nContent-Length: 5\nContent-Type: application/json\n\nhello"},
		{`"hello"`, "HEAD", "200\nContent-Length: 5\nContent-Type: application/json\n\n"},
		{`{"statusCode":204,"body":"x"}`, "GET", "204\nContent-Type: application/json\n\n"},
		{`{"statusCode":304,"body":"x"}`, "GET", "304\nContent-Type: application/json\n\n"},
		{`{"statusCode":500}`, "GET", "500\nContent-Length: 0\nContent-Type: application/json\n\n"},
	} {
		response, err := event.ParseResponse([]byte(test.payload))
		if err != nil {
			t.Errorf("%s: %v", test.payload, err)
			continue
		}
		if diff := cmp.Diff(test.want, dump(t, response, test.method)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.method, test.payload, diff)
		}
	}
}

// TestWriteOnTheWire: what net/http makes of it, over a real connection.
func TestWriteOnTheWire(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response, err := event.ParseResponse([]byte(`{
			"statusCode": ` + r.URL.Query().Get("status") + `,
			"headers": {"content-length": 99, "connection": "close", "transfer-encoding": "chunked", "date": "never"},
			"body": "body"
		}`))
		if err != nil {
			t.Error(err)
			return
		}
		if err := response.Write(w, r.Method); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	for _, test := range []struct {
		method string
		status int
		length int64
	}{
		{"GET", 200, 4}, {"HEAD", 200, 4}, {"GET", 204, 0}, {"GET", 304, 0}, {"GET", 404, 4},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+"?status="+strconv.Itoa(test.status), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.status || response.ContentLength != test.length {
			t.Errorf("%s %d: status %d, length %d", test.method, test.status, response.StatusCode, response.ContentLength)
		}
		if got := response.Header.Get("X-Amzn-Remapped-Content-Length"); got != "99" {
			t.Errorf("remapped content-length = %q, want 99", got)
		}
		if response.Header.Get("Date") == "never" || response.Header.Get("X-Amzn-Remapped-Date") != "never" {
			t.Errorf("date = %q, remapped %q", response.Header.Get("Date"), response.Header.Get("X-Amzn-Remapped-Date"))
		}
		if response.Close {
			t.Error("the function closed the connection")
		}
	}
}

// TestWriteKeepsWhatIsThere: headers of the front end stay, the function's of the same name come after.
func TestWriteKeepsWhatIsThere(t *testing.T) {
	response, err := event.ParseResponse([]byte(`{"statusCode":200,"headers":{"access-control-allow-origin":"b","x-amzn-requestid":"forged"}}`))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Access-Control-Allow-Origin", "a")
	w.Header().Set("X-Amzn-Requestid", "true")
	if err := response.Write(w, "GET"); err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Access-Control-Allow-Origin":      {"a", "b"},
		"Content-Length":                   {"0"},
		"Content-Type":                     {"application/json"},
		"X-Amzn-Requestid":                 {"true"},
		"X-Amzn-Remapped-X-Amzn-Requestid": {"forged"},
	}
	if diff := cmp.Diff(want, w.Header()); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestResponseLimit(t *testing.T) {
	largest := `"` + strings.Repeat("x", event.MaxResponse-2) + `"`
	if _, err := event.ParseResponse([]byte(largest)); err != nil {
		t.Errorf("%d bytes: %v", len(largest), err)
	}
	if _, err := event.ParseResponse([]byte(largest + " ")); err == nil {
		t.Errorf("%d bytes: no error", len(largest)+1)
	}
}

// FuzzParseResponse: no payload panics, and what parses can be sent.
func FuzzParseResponse(f *testing.F) {
	answers, err := filepath.Glob(filepath.Join("testdata", "response", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range answers {
		payload, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		response, err := event.ParseResponse(payload)
		if err != nil {
			if response != nil || err.Error() == "" || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("response %v, error %q", response, err)
			}
			return
		}
		if response.Status < 200 || response.Status > 599 {
			t.Errorf("status %d", response.Status)
		}
		if response.Header.Get("Content-Type") == "" && len(response.Header["Content-Type"]) == 0 {
			t.Error("no content type")
		}
		for name, values := range response.Header {
			for _, value := range append(values, response.Cookies...) {
				if strings.ContainsAny(name+value, "\r\n\x00") {
					t.Errorf("header %q: %q splits the response", name, value)
				}
			}
		}
		dump(t, response, "GET")
	})
}

func BenchmarkParseResponse(b *testing.B) {
	for _, benchmark := range []struct{ name, payload string }{
		{"small", `{"statusCode":200,"headers":{"content-type":"application/json","x-request":"1"},"body":"{\"hello\":\"world\"}","isBase64Encoded":false}`},
		{"text-1MiB", `{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"` + strings.Repeat("x", 1<<20) + `"}`},
		{"base64-1MiB", `{"statusCode":200,"isBase64Encoded":true,"body":"` + strings.Repeat("QUJD", 1<<18) + `"}`},
	} {
		b.Run(benchmark.name, func(b *testing.B) {
			payload := []byte(benchmark.payload)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := event.ParseResponse(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
