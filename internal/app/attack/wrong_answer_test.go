//go:build unix

package attack_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// answering is a server that answers every request the same way.
func answering(t *testing.T, handler http.HandlerFunc) *world {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return &world{address: strings.TrimPrefix(s.URL, "http://")}
}

// by is a caller of the server.
func (w *world) by(arn string) caller { return caller{person{w: w}, arn} }

const requestID = "11111111-2222-4333-8444-555555555555"

// told checks that an answer passes for a right one if nothing is wanted, and else that the fault says so.
func told(t *testing.T, want string, call func(testing.TB)) {
	t.Helper()
	switch err := witnessed(t, call); {
	case want == "" && err != nil:
		t.Errorf("a right answer is told to be wrong: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("a wrong answer is told as %v, want %s", err, want)
	}
}

func TestWrongAnswersOfURLs(t *testing.T) {
	const by = "arn:aws:iam::123456789012:user/a"
	// echo answers with the body and more, after a change of what else is in the answer.
	echo := func(more string, change func(http.Header) (status int)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			must(err)
			w.Header().Set("X-Query", r.URL.RawQuery)
			w.Header().Set("X-Caller", by)
			w.Header().Set("X-Turn", "7")
			w.Header().Set("X-Amzn-Requestid", requestID)
			w.WriteHeader(change(w.Header()))
			io.WriteString(w, string(body)+more) //nolint:errcheck // the client looks
		}
	}
	with := func(name, value string) func(http.Header) int {
		return func(h http.Header) int {
			h.Set(name, value)
			return 200
		}
	}
	only := func(status int) func(http.Header) int { return func(http.Header) int { return status } }
	failed := func(errorType string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", errorType)
			w.WriteHeader(502)
			io.WriteString(w, "Internal Server Error") //nolint:errcheck // the client looks
		}
	}
	for _, test := range []struct {
		name   string
		does   behavior
		answer http.HandlerFunc
		want   string
	}{
		{"right", echoes, echo("", only(200)), ""},
		{"another's query", echoes, echo("", with("X-Query", "id=0")), "not to id=0 of"},
		{"another caller", echoes, echo("", with("X-Caller", "b")), " of b in turn 7"},
		{"an old environment", echoes, echo("", with("X-Turn", "6")), "in turn 6"},
		{"one byte more", echoes, echo("x", only(200)), requestID},
		{"another status", echoes, echo("", only(202)), "want the answer of the function"},
		{"cut off", echoes, echo("x", with("Content-Length", "100000000")), "broken off: unexpected EOF"},
		{"none", echoes, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no answer"},
		{"right failure", fails, failed(""), ""},
		{"answer of one that fails", fails, echo("", only(200)), "want 502  Internal Server Error"},
		{"failure with a type", fails, failed("Unhandled"), "want 502"},
		{"throttled", exits, echo("", only(429)), "want 502"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &rogue{name: "f", in: goRogue, does: test.does, url: "id", turn: "7"}
			w := answering(t, test.answer)
			told(t, test.want, func(t testing.TB) { f.call(t, w.by(by)) })
		})
	}
}

func TestWrongAnswersOfInvoke(t *testing.T) {
	const by = "arn:aws:iam::123456789012:user/a"
	type payload = func(event) any
	envelope := func(caller string, status int) payload {
		return func(e event) any {
			return map[string]any{
				"statusCode": status, "headers": map[string]string{"x-query": e.RawQueryString, "x-caller": caller, "x-turn": "7"},
				"body": e.Body, "isBase64Encoded": e.Encoded,
			}
		}
	}
	failure := func(message string) payload {
		return func(e event) any {
			return map[string]string{"errorMessage": strings.ReplaceAll(message, "{body}", e.Body)}
		}
	}
	same := func(e event) any { return e }
	other := func(e event) any { e.RawQueryString = "id=0"; return e }
	const (
		log    = "END RequestId: " + requestID + "\nREPORT RequestId: " + requestID + "\t"
		exit3  = " Error: Runtime exited with error: exit status 3"
		failed = "Unhandled"
	)
	for _, test := range []struct {
		name    string
		does    behavior
		in      language
		failed  string
		log     string
		payload payload
		want    string
	}{
		{"right", echoes, goRogue, "", log, envelope(by, 200), ""},
		{"right event", echoes, shellRogue, "", log, same, ""},
		{"another event", echoes, shellRogue, "", log, other, "not to id=0"},
		{"another caller", echoes, goRogue, "", log, envelope("b", 200), " of b in turn 7"},
		{"another status", echoes, goRogue, "", log, envelope(by, 500), "status 500"},
		{"another's log", echoes, goRogue, "", "REPORT RequestId: 0", envelope(by, 200), "want a log"},
		{"a failure", echoes, goRogue, failed, log, envelope(by, 200), `function error "Unhandled"`},
		{"right error", fails, goRogue, failed, log, failure("{body}"), ""},
		{"another's error", fails, goRogue, failed, log, failure("x{body}"), "want the function error"},
		{"error that is none", fails, goRogue, "", log, failure("{body}"), "want the function error"},
		{"right exit", exits, goRogue, failed, log, failure("RequestId: " + requestID + exit3), ""},
		{"another's exit", exits, goRogue, failed, log, failure("RequestId: 0" + exit3), "want the function error"},
		{"another exit", crashes, goRogue, failed, log, failure("RequestId: " + requestID + exit3), "signal: killed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := answering(t, func(w http.ResponseWriter, r *http.Request) {
				var e event
				must(json.NewDecoder(r.Body).Decode(&e))
				w.Header().Set("X-Amzn-Requestid", requestID)
				w.Header().Set("X-Amz-Function-Error", test.failed)
				w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(test.log)))
				must(json.NewEncoder(w).Encode(test.payload(e)))
			})
			f := &rogue{name: "f", in: test.in, does: test.does, turn: "7"}
			told(t, test.want, func(t testing.TB) { f.invoke(t, w.by(by)) })
		})
	}
}

func TestWrongStreams(t *testing.T) {
	for _, test := range []struct {
		name   string
		does   behavior
		skips  int // bytes
		breaks bool
		want   string
	}{
		{"right", streams, 0, false, ""},
		{"one byte less", streams, 1, false, "want the stream of"},
		{"broken off", streams, 0, true, "want the answer to end"},
		{"ended for one that dies", tears, 0, false, ""},
		{"broken off for one that dies", tears, 0, true, "want the answer to end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := answering(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Query", r.URL.RawQuery)
				w.Write(asked(r)[test.skips:]) //nolint:errcheck // the client looks
				if test.breaks {
					http.NewResponseController(w).Flush() //nolint:errcheck // the client looks
					panic(http.ErrAbortHandler)
				}
			})
			f := &rogue{name: "f", in: goRogue, does: test.does, url: "id"}
			told(t, test.want, func(t testing.TB) { f.callStream(t, w.by("")) })
		})
	}
}

// asked is the stream that the query asks for.
func asked(r *http.Request) []byte {
	size, err := strconv.Atoi(r.URL.Query().Get("size"))
	must(err)
	return numbered(r.URL.Query().Get("id"), size)
}

// must is for the server that answers wrongly, which may not go wrong otherwise.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
