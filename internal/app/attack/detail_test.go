//go:build unix

package attack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/trace"
)

// detail is what the console shows of a request.
type detail struct {
	ID, Function, Caller, Verdict, Reason string
	Status                                int
	Steps                                 []trace.StepReport
	Fixes                                 []struct {
		Form  string
		Texts []string
	}
	Event           *struct{ Text string }
	Request, Answer struct {
		Target  string
		Status  int
		Headers [][2]string
		Hidden  []string
		Body    struct {
			Text        string
			Cut, Hidden bool
		}
	}
	Logs []struct{ Stream, Text, RequestID string }
}

func (w *world) detail(t *testing.T, a answer) (shown detail) {
	t.Helper()
	w.recorded(t, a.id())
	page := w.send(t, w.asOwner("/_furl/v1/requests/"+a.id()))
	if err := json.Unmarshal([]byte(page.body), &shown); err != nil || page.status != 200 || shown.ID != a.id() {
		t.Fatalf("%v: %v", err, page)
	}
	return shown
}

// step is the step of the name, the last one of it.
func (d detail) step(name string) (found trace.StepReport) {
	for _, step := range d.Steps {
		if step.Step == name {
			found = step
		}
	}
	return found
}

// A refused call explains itself: the statement that nearly allowed it, the fix in all forms, the body for a replay.
func TestDetailOfARefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rootA.allow(t, "mallory", "p", `{"Version":"2012-10-17","Statement":[{"Sid":"office",
		"Effect":"Allow","Action":"lambda:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]}`)
	r := w.url(w.iamURL, "POST", "/book?access_token=hunter2&page=5", `{"page":5}`)
	shown := w.detail(t, w.mallory.send(t, r.with("Content-Type: application/json")))
	if shown.Verdict != "refused" || shown.Status != 403 || !strings.HasSuffix(shown.Caller, ":user/mallory") ||
		!strings.HasSuffix(shown.Function, ":function:target") || shown.Event != nil {
		t.Errorf("%+v", shown)
	}
	decision := shown.step("authorize").Decision
	if decision == nil || len(decision.Misses) == 0 {
		t.Fatalf("the decision is %+v", decision)
	}
	miss, want := decision.Misses[0], trace.Failure{What: "aws:SourceIp", Wanted: "203.0.113.0/24", Got: "127.0.0.1"}
	if !strings.Contains(miss.Statement, `"office"`) || len(miss.Failures) != 1 || miss.Failures[0] != want {
		t.Errorf("the miss is %+v", miss)
	}
	if len(shown.Fixes) != 6 {
		t.Errorf("the fixes are %+v", shown.Fixes)
	}
	if shown.Request.Body.Text != r.body || shown.Request.Body.Cut || shown.Request.Body.Hidden ||
		shown.Request.Target != "/book?access_token=(hidden)&page=5" || shown.Answer.Status != 403 {
		t.Errorf("%+v %+v", shown.Request, shown.Answer)
	}
	if !strings.Contains(strings.Join(shown.Request.Hidden, " "), "Authorization") {
		t.Errorf("hidden are %q", shown.Request.Hidden)
	}
}

// An answered call has the event, the answer and the lines of its log.
func TestDetailOfAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.alice.call(t, w.iamURL)
	w.ran(t, a)
	var shown detail
	eventually(t, "the log is there", func() bool {
		shown = w.detail(t, a)
		return len(shown.Logs) >= 2 && strings.HasPrefix(shown.Logs[len(shown.Logs)-1].Text, "REPORT ")
	})
	first := shown.Logs[0]
	if !strings.HasPrefix(first.Text, "START ") || first.Stream != "platform" || first.RequestID != a.id() {
		t.Errorf("the log is %+v", shown.Logs)
	}
	if shown.Event == nil || !strings.Contains(shown.Event.Text, a.id()) || shown.Answer.Status != 200 {
		t.Errorf("%+v", shown)
	}
	// The function answers with its event, in which a member has the name of a secret.
	before, after, _ := strings.Cut(shown.Answer.Body.Text, `"authorizer":"(hidden)"`)
	isWhole := strings.HasPrefix(a.body, before) && strings.HasSuffix(a.body, after) && after != ""
	if !shown.Answer.Body.Hidden || !isWhole {
		t.Errorf("answered %s, and kept %s", a.body, shown.Answer.Body.Text)
	}
}

// A signature that does not match shows which bytes differ.
func TestDetailOfAMismatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.url(w.iamURL, "GET", "/book", "")
	sent := r.host
	r.host = strings.TrimSuffix(r.host, ":"+w.port())
	r = w.alice.signs(r)
	r.host = sent
	shown := w.detail(t, w.send(t, r))
	mismatch := shown.step("authenticate").Mismatch
	if mismatch == nil || len(mismatch.Differ) != 1 {
		t.Fatalf("%+v", mismatch)
	}
	server, client := mismatch.Differ[0].Server, mismatch.Differ[0].Client
	if got := mismatch.Server[server[0]:server[1]]; got != ":"+w.port() || client[0] != client[1] {
		t.Errorf("the server has %q more, the client %q", got, mismatch.Client[client[0]:client[1]])
	}
}

// A stream of the console shows a refused call to those who may read it, and to nobody else.
func TestLiveRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := func(ctx context.Context, token string) *http.Response {
		address := "http://" + w.address + "/_furl/v1/requests/live?status=4xx"
		r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	ctx, end := context.WithTimeout(t.Context(), patience)
	defer end()
	stranger := open(ctx, "wrong")
	stranger.Body.Close()
	if stranger.StatusCode != 403 && stranger.StatusCode != 401 {
		t.Errorf("a stranger gets %d", stranger.StatusCode)
	}
	stream := open(ctx, w.token)
	defer stream.Body.Close()
	refused := w.mallory.call(t, w.iamURL)
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		continue
	}
	var shown detail
	data, _ := strings.CutPrefix(lines.Text(), "data: ")
	if err := json.Unmarshal([]byte(data), &shown); err != nil || shown.ID != refused.id() || shown.Reason == "" {
		t.Errorf("%v: %q", err, data)
	}
}
