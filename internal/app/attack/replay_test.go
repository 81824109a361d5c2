//go:build unix

package attack_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/furl-dev/furl/internal/app"
)

func editing(c *app.Config) { c.Console = app.ConsoleEdit }

// again has the console send a request again.
func (w *world) again(t *testing.T, a answer, body string) answer {
	t.Helper()
	w.recorded(t, a.id())
	r := w.asOwner("/_furl/v1/requests/" + a.id() + "/replay").with("Content-Type: application/json")
	r.method, r.body = http.MethodPost, body
	return w.send(t, r)
}

// sentAgain is what the console says of a request that it has sent; the function was meant to run if it answered 200.
func (w *world) sentAgain(t *testing.T, a answer, body string) (status int, text string) {
	t.Helper()
	page := w.again(t, a, body)
	var shown struct {
		RequestID string
		Answer    struct {
			Status int
			Body   struct{ Text string }
		}
	}
	if err := json.Unmarshal([]byte(page.body), &shown); err != nil || page.status != 200 || shown.RequestID == "" {
		t.Fatalf("%v: %v", err, page)
	}
	if shown.Answer.Status == http.StatusOK {
		w.mu.Lock()
		w.meant[shown.RequestID] = true
		w.mu.Unlock()
	}
	return shown.Answer.Status, shown.Answer.Body.Text
}

func asCaller(arn string) string { return `{"caller":"` + arn + `"}` }

// A request is sent again as the same caller, as others and as nobody, and each gets the answer that is theirs.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, editing)
	const body = `{"page":5,"text":"\u00e9 'quoted'"}`
	sent := w.url(w.iamURL, "POST", "/book//a%20b?z=1&a=%2B", body)
	sent = sent.with("Content-Type: application/json", "X-Note: a", "X-Note: b")
	refused := w.mallory.send(t, sent)
	iam := "arn:aws:iam::" + accountA
	for caller, want := range map[string]int{
		iam + ":user/mallory": 403, iam + ":user/alice": 200, iam + ":root": 200, iam + ":role/execution": 200, "": 403,
	} {
		status, text := w.sentAgain(t, refused, asCaller(caller))
		if status != want {
			t.Errorf("as %q: %d, want %d: %s", caller, status, want, text)
		}
		if status != 200 {
			continue
		}
		if !strings.Contains(text, `"rawPath":"/book//a%20b"`) || !strings.Contains(text, `"rawQueryString":"z=1&a=%2B"`) ||
			!strings.Contains(text, `"x-note":"a,b"`) || !strings.Contains(text, `{\"page\":5,\"text\":\"\\u00e9 'quoted'\"}`) {
			t.Errorf("the function got %s", text)
		}
	}
	// After a grant, the same caller gets through.
	w.rootA.allow(t, "mallory", "p", mayDoLambda)
	if status, text := w.sentAgain(t, refused, asCaller(iam+":user/mallory")); status != 200 {
		t.Errorf("after the grant: %d %s", status, text)
	}
	edited := `{"caller":"` + iam + `:root","method":"PUT","target":"/other?x=1","headers":[["X-New","1"]],` +
		`"body":"aGk=","base64":true}`
	if status, text := w.sentAgain(t, refused, edited); status != 200 || !strings.Contains(text, `"rawPath":"/other"`) ||
		!strings.Contains(text, `"x-new":"1"`) || strings.Contains(text, "x-note") ||
		!strings.Contains(text, `"method":"PUT"`) {
		t.Errorf("edited: %d %s", status, text)
	}
	// One that was presigned is signed anew.
	presigned := w.alice.presigns(w.url(w.iamURL, "GET", "/link?q=1", ""))
	first := w.send(t, presigned)
	w.ran(t, first)
	status, text := w.sentAgain(t, first, asCaller(iam+":root"))
	if status != 200 || !strings.Contains(text, `"rawQueryString":"q=1"`) {
		t.Errorf("presigned: %d %s", status, text)
	}
	// Some at once.
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { w.sentAgain(t, first, asCaller(iam+":root")) })
	}
	all.Wait()
}

// What cannot be sent is refused by its name.
func TestReplayRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, editing)
	sent := w.mallory.post(t, w.iamURL, "/", `{"password":"hunter2"}`)
	long := w.mallory.post(t, w.iamURL, "/", strings.Repeat("x", 100_000))
	secret := w.mallory.get(t, w.iamURL, "/?access_token=hunter2")
	styled := w.mallory.send(t, request{
		method: "GET", target: "/_furl/url/" + w.iamURL + "/x", host: w.address, service: "lambda",
	})
	root := "arn:aws:iam::" + accountA + ":root"
	for _, test := range []struct {
		a          answer
		body, want string
		status     int
	}{
		{sent, asCaller(root), "its body has what is secret", 409},
		{long, asCaller(root), "of the 100000 bytes of its body only 65536 are kept", 409},
		{secret, `{"caller":"","body":""}`, "its query has what is secret", 409},
		{styled, `{"caller":"","target":"/_furl/url/another/x"}`, "another function URL's", 400},
		{sent, `{"body":"","caller":"arn:aws:iam::` + accountA + `:user/nobody"}`, "there is no such user", 400},
		{sent, `{"caller":"bob","body":""}`, "not an ARN", 400},
		{sent, `{"caller":"","method":"GET /x","body":""}`, "method:", 400},
		{sent, `{"caller":"","target":"x","body":""}`, "target:", 400},
		{sent, `{"caller":"","target":"/a b","body":""}`, "target:", 400},
		{sent, `{"caller":"","headers":[["X-A","1\r\nX-B: 2"]],"body":""}`, "control character", 400},
		{sent, `{"caller":"","headers":[["Host","evil"]],"body":""}`, "Host is the server's", 400},
		{sent, `{"caller":"","headers":[["","evil"]],"body":""}`, "not the name of a header", 400},
		{sent, `{"caller":"","body":"%%","base64":true}`, "not base64", 400},
		{sent, `{"caller":"","odd":1}`, "odd", 400},
		{sent, `nothing`, "not the JSON", 400},
	} {
		if page := w.again(t, test.a, test.body); page.status != test.status || !strings.Contains(page.body, test.want) {
			t.Errorf("%s: want %d and %q, got %v", test.body, test.status, test.want, page)
		}
	}
	w2 := newWorld(t)
	page := w2.again(t, w2.mallory.call(t, w2.iamURL), asCaller(root))
	if page.status != 403 || !strings.Contains(page.body, "--console=edit") {
		t.Errorf("read-only: %v", page)
	}
}

// The code of a request sends the same request, and has no secret.
func TestCodeOfARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := w.url(w.iamURL, "POST", "/book?q=1&r=2", "it's \"quoted\" $HOME\n\\ é")
	sent = sent.with("Content-Type: text/plain", "X-Note: it's")
	first := w.alice.send(t, sent)
	was := w.ran(t, first)
	w.recorded(t, first.id())
	for _, form := range []string{"curl", "furl", "python", "js", "go"} {
		page := w.send(t, w.asOwner("/_furl/v1/requests/"+first.id()+"/code?form="+form))
		var shown struct{ Form, Text, Note string }
		err := json.Unmarshal([]byte(page.body), &shown)
		if err != nil || page.status != 200 || shown.Form != form || shown.Text == "" {
			t.Fatalf("%v: %v", err, page)
		}
		if strings.Contains(shown.Text, w.alice.key.secret) || strings.Contains(shown.Text, "Signature=") {
			t.Errorf("%s has a secret: %s", form, shown.Text)
		}
		if form != "curl" {
			continue // interop types the others
		}
		resolving := "curl -s --resolve '*:" + w.port() + ":127.0.0.1' "
		command := exec.Command("sh", "-c", strings.Replace(shown.Text, "curl ", resolving, 1))
		command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+w.alice.key.id, "AWS_SECRET_ACCESS_KEY="+w.alice.key.secret)
		output, err := command.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, shown.Text)
		}
		var seen event
		if err := json.Unmarshal(output, &seen); err != nil {
			t.Fatalf("%s answered %s", shown.Text, output)
		}
		w.mu.Lock()
		w.meant[seen.RequestContext.RequestID] = true
		w.mu.Unlock()
		if seen.RawPath != was.RawPath || seen.Body != was.Body {
			t.Errorf("%s: the function got %+v, want %+v", shown.Text, seen, was)
		}
	}
	if page := w.send(t, w.asOwner("/_furl/v1/requests/"+first.id()+"/code?form=perl")); page.status != 400 {
		t.Errorf("perl: %v", page)
	}
}
