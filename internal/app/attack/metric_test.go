//go:build unix

package attack_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metrics scrapes the server as Prometheus does: the value of each series, by its name and labels.
func (w *world) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	const accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
	a := w.send(t, w.asOwner("/_furl/metrics").with("Accept: "+accept))
	if format := expfmt.ResponseFormat(a.header); a.status != 200 || format.FormatType() != expfmt.TypeTextPlain {
		t.Fatalf("%v", a)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	values := map[string]float64{}
	for name, family := range families {
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
		for _, sample := range family.GetMetric() {
			labels := ""
			for _, label := range sample.GetLabel() {
				labels += " " + label.GetName() + "=" + label.GetValue()
			}
			values[name+labels] = sample.GetCounter().GetValue() + sample.GetGauge().GetValue()
		}
	}
	return values
}

// ours are furl's own series.
func ours(metrics map[string]float64) []string {
	foreign := func(series string) bool { return !strings.HasPrefix(series, "furl_") }
	return slices.DeleteFunc(slices.Sorted(maps.Keys(metrics)), foreign)
}

// Labels are closed sets: all series are there from the start, and no request makes another.
func TestMetricsAreClosedSets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	add := func(prefix string, values string) {
		for value := range strings.FieldsSeq(values) {
			want = append(want, prefix+value)
		}
	}
	const signature = "missing-authentication malformed-request incomplete-signature invalid-signature " +
		"signature-expired signature-not-yet-current invalid-scope unknown-key invalid-token expired-token " +
		"body-too-large body-not-readable internal-error not-authorized "
	add("furl_", "connections connections_limit queue_bytes queue_invocations traces_kept traces_total")
	add("furl_environments stage=", "starting registering idle busy responding settling lingering stopping")
	add("furl_invocations_total outcome=", "answered throttled closed not-started")
	add("furl_invocations_total outcome=",
		"error timeout exit crash init init-timeout too-large bad-response extension shutdown")
	add("furl_refusals_total part=api reason=", signature)
	add("furl_refusals_total part=page reason=", signature+"not-local no-token wrong-token")
	add("furl_refusals_total part=function-url reason=",
		signature+"unknown-url unreadable too-large throttled shutting-down")
	add("furl_store_commits_total outcome=", "committed failed")
	slices.Sort(want)
	before := w.metrics(t)
	if got := ours(before); !slices.Equal(got, want) {
		t.Errorf("series are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, series := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes"} {
		if before[series] <= 0 {
			t.Errorf("%s is %v", series, before[series])
		}
	}

	const page = "/_furl/requests"
	call, api := w.url(w.iamURL, "GET", "/", ""), w.api("GET", "/2015-03-31/functions/target", "")
	by := func(r request, k person, service string) request { return r.signed(k.signing(service)) }
	expired, wrong := w.alice.signing("lambda"), w.alice.signing("lambda")
	expired.at, wrong.payload = expired.at.AddDate(0, 0, -1), strings.Repeat("0", 64)
	unknown := w.stranger("AKIAIOSFODNN7EXAMPLE", "x", "")
	requests := map[string]request{
		"function-url reason=missing-authentication": w.url(w.iamURL, "GET", "/\"label\\{x=\"y\"}", ""),
		"function-url reason=invalid-signature":      call.signed(wrong),
		"function-url reason=signature-expired":      call.signed(expired),
		"function-url reason=not-authorized":         by(call, w.mallory, "lambda"),
		"function-url reason=unknown-url":            w.url(strings.Repeat("z", 32), "GET", "/", ""),
		"function-url reason=too-large":              w.url(w.openURL, "POST", "/", strings.Repeat("x", 6<<20)),
		"api reason=unknown-key":                     by(api, unknown, "lambda"),
		"api reason=not-authorized":                  by(api, w.mallory, "lambda"),
		"page reason=no-token":                       w.api("GET", page, ""),
		"page reason=wrong-token":                    w.api("GET", page, "").with("Authorization: Bearer x"),
		"page reason=not-local":                      w.asOwner(page).with("Sec-Fetch-Site: cross-site"),
		"page reason=not-authorized":                 by(w.api("GET", page, ""), w.mallory, "lambda"),
		"page reason=invalid-scope":                  by(w.api("GET", page, ""), w.rootA, "iam"),
	}
	for _, r := range requests {
		if a := w.send(t, r); a.status < 400 {
			t.Errorf("%v", a)
		}
	}
	w.ran(t, w.alice.call(t, w.iamURL))
	w.rootA.createKey(t, "mallory")
	after := w.metrics(t)
	if got := ours(after); !slices.Equal(got, want) {
		t.Errorf("after some requests series are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for series, least := range map[string]float64{
		"furl_invocations_total outcome=answered": 1, "furl_store_commits_total outcome=committed": 1, "furl_traces_total": 8,
		"furl_traces_kept": 8, "furl_connections": 1 - before["furl_connections"],
	} {
		if moved := after[series] - before[series]; moved < least {
			t.Errorf("%s has moved by %v, want %v", series, moved, least)
		}
	}
	for refusal := range requests {
		series := "furl_refusals_total part=" + refusal
		if moved := after[series] - before[series]; moved != 1 {
			t.Errorf("%s has moved by %v, want 1", series, moved)
		}
	}
	alive := 0.0
	for _, stage := range []string{"idle", "settling", "busy"} {
		alive += after["furl_environments stage="+stage]
	}
	if alive != 1 {
		t.Errorf("%v environments are alive, want that of the one function that ran", alive)
	}
}

// docs/metrics.md names every metric of the server, every label and every value of it, and no others.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	server, _, ok := strings.Cut(string(text), "\n`furl proxy` shows its metrics")
	if !ok {
		t.Fatal("docs/metrics.md does not say where the metrics of furl proxy begin")
	}
	var table strings.Builder
	for line := range strings.Lines(server) {
		if strings.HasPrefix(line, "|") {
			table.WriteString(line)
		}
	}
	documented := map[string]bool{}
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(table.String(), -1) {
		documented[match[1]] = true
	}
	there := map[string]bool{}
	for _, series := range ours(newWorld(t).metrics(t)) {
		name, labels, _ := strings.Cut(series, " ")
		there[name] = true
		for label := range strings.FieldsSeq(labels) {
			name, value, _ := strings.Cut(label, "=")
			there[name], there[value] = true, true
		}
	}
	delete(documented, "furl explain")
	if !maps.Equal(documented, there) {
		t.Errorf("documented are %q\nthere are %q", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(there)))
	}
}
