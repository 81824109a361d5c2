package auth_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// telling is a request signed with a secret that is nobody's, which tells what was signed as furl call -v does.
func telling(t *testing.T, who sigv4.Credentials, target string, change func(text string) string) *http.Request {
	t.Helper()
	who.Secret = sigv4.NewSecret("a secret that is nobody's")
	request := httptest.NewRequestWithContext(t.Context(), "GET", "http://here"+target, nil)
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }, KeepTexts: true}
	texts, err := signer.Sign(request, who, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range diagnose.Lines(texts.CanonicalRequest) {
		lines = append(lines, line.Text)
	}
	text := change(strings.Join(lines, "\n"))
	request.Header.Set(furlproto.CanonicalRequest, base64.StdEncoding.EncodeToString([]byte(text)))
	return request
}

func same(text string) string { return text }

// refused is the finding on a request that is refused, diagnosed.
func refused(t *testing.T, gate *auth.Gate, request *http.Request) *auth.SignatureFinding {
	t.Helper()
	_, _, attempt, err := gate.Authenticate(request, scope)
	if err == nil {
		t.Fatal("accepted")
	}
	attempt.Diagnose(t.Context())
	return attempt.Finding
}

var alice = credentials("AKIAALICE23456789012", "secret of alice", "")

func TestTheFirstDifferenceIsShown(t *testing.T) {
	long := "page=5&text=" + strings.Repeat("long", 6000)
	for name, test := range map[string]struct {
		target string
		change func(string) string
		want   string
	}{
		"short": {
			"/book?page=5", func(text string) string { return strings.Replace(text, "page=5", "page=6", 1) },
			"the first difference is in line 3 (query), byte 6:\n  server page=5\n  client page=6",
		},
		"after more than a trace keeps": {
			"/book?" + long, func(text string) string { return strings.Replace(text, "host:here", "host:there", 1) },
			"the first difference is in line 4 (header host), byte 6:\n  server host:here\n  client host:there",
		},
		"at the end of a long line": {
			"/book?" + long, func(text string) string { return strings.Replace(text, "\nhost:", "er\nhost:", 1) },
			"longlong\n  client …longlong",
		},
		"nothing legible": {"/book", func(string) string { return "" }, "the server's canonical request"},
	} {
		finding := refused(t, newGate(t), telling(t, alice, test.target, test.change))
		text := strings.Join(finding.Details(), "\n")
		if !strings.Contains(text, test.want) || !strings.Contains(text, "  signed headers               host;x-amz-date\n") {
			t.Errorf("%s: the finding says %s", name, text)
		}
		if len(text) > 14<<10 {
			t.Errorf("%s: the finding keeps %d bytes", name, len(text))
		}
	}
}

// A text that is too long to keep is compared and labelled as a whole all the same.
func TestLongTextsAreComparedWhole(t *testing.T) {
	request := httptest.NewRequestWithContext(t.Context(), "GET", "http://here:9000/book?page=5&text="+strings.Repeat("long", 6000), nil)
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
	request.Host = "here"
	if _, err := signer.Sign(request, alice, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	request.Host = "here:9000"
	text := strings.Join(refused(t, newGate(t), request).Details(), "\n")
	for _, want := range []string{
		"fault host-port (proven", "the first difference is in line 4 (header host), byte 10:\n  server host:here:9000\n  client host:here",
		"\n  header host                  host:here:9000\n", "\n  payload hash                 e3b0c442",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// TestManyLinesAreCut: the end of a canonical request is kept even if there are too many headers to keep.
func TestManyLinesAreCut(t *testing.T) {
	request := httptest.NewRequestWithContext(t.Context(), "GET", "http://here/", nil)
	for i := range 500 {
		request.Header.Set(fmt.Sprintf("X-Header-%03d", i), strings.Repeat("v", 100))
	}
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
	if _, err := signer.Sign(request, credentials(alice.AccessKeyID, "wrong", ""), sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(refused(t, newGate(t), request).Details(), "\n")
	for _, want := range []string{
		"\n  header x-header-030", " more lines\n  signed headers               host;x-amz-date;",
		"\n  payload hash                 e3b0c442",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if len(text) > 14<<10 {
		t.Errorf("the finding keeps %d bytes", len(text))
	}
}

// TestTheSameTextsMeanAnotherSecret: also if a session token was hidden in what the client told, and however long it is.
func TestTheSameTextsMeanAnotherSecret(t *testing.T) {
	ofRole := session(func(s *iam.Session) { s.Role, s.RoleID = "caller", role.ID })
	gate := newGate(t, ofRole)
	for _, who := range []sigv4.Credentials{alice, ofSession(ofRole)} {
		for _, target := range []string{"/book?page=5", "/book?page=5&text=" + strings.Repeat("long", 6000)} {
			finding := refused(t, gate, telling(t, who, target, same))
			if text := finding.Summary(); !strings.Contains(text, "so its secret access key is another") {
				t.Errorf("the finding is %s", text)
			}
			if text := strings.Join(finding.Details(), "\n"); !strings.Contains(text, "the server's canonical request to the byte") {
				t.Errorf("the finding says %s", text)
			}
			want := []string{"sign with the secret access key that was issued with access key " + who.AccessKeyID}
			if got := finding.Fix(); !slices.Equal(got, want) {
				t.Errorf("the fix is %q, want %q", got, want)
			}
		}
	}
}

// TestTheSameTextsOfAnotherFault: what the client tells does not outweigh what the request shows.
func TestTheSameTextsOfAnotherFault(t *testing.T) {
	request := telling(t, alice, "/book", same)
	request.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	if text := refused(t, newGate(t), request).Summary(); strings.Contains(text, "another") || !strings.Contains(text, "x-amz-content-sha256") {
		t.Errorf("the finding is %s", text)
	}
}

// TestSecretsStayOutOfLines: STS takes a web identity token for credentials, and a signature that was left in the query
// is that of another request.
func TestSecretsStayOutOfLines(t *testing.T) {
	for _, name := range []string{"WebIdentityToken", "X-Amz-Signature"} {
		request := telling(t, alice, "/?Action=GetCallerIdentity", func(text string) string {
			return strings.Replace(text, "Identity", "Identity&"+name+"=secret-valuf", 1) // a client that hides nothing
		})
		request.RequestURI += "&" + name + "=secret-value"
		text := strings.Join(refused(t, newGate(t), request).Details(), "\n")
		if strings.Contains(text, "secret-valu") || !strings.Contains(text, name+"=(12 bytes)") || !strings.Contains(text, "the first difference is in line 3") {
			t.Errorf("%s: the finding says %s", name, text)
		}
	}
}

// TestTwentyDiagnosesASecond: what comes after them is refused like them, and says that it was not looked into.
// Refusals about which there is nothing to find out do not count.
func TestTwentyDiagnosesASecond(t *testing.T) {
	gate := newGate(t)
	elsewhere := func() *http.Request { // the quickest diagnosis there is
		request := signed(t, alice)
		request.Header.Set("Authorization", strings.Replace(request.Header.Get("Authorization"), scope.Region, "mars-1", 1))
		return request
	}
	large := func() *http.Request {
		request := httptest.NewRequestWithContext(t.Context(), "POST", "http://here/", strings.NewReader(strings.Repeat("x", 200)))
		signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
		if _, err := signer.Sign(request, alice, sigv4.PayloadHash([32]byte{})); err != nil {
			t.Fatal(err)
		}
		return request
	}
	synctest.Test(t, func(t *testing.T) {
		for range 2 {
			for range 30 {
				if text := strings.Join(refused(t, gate, large()).Details(), "\n"); strings.Contains(text, "diagnosed") {
					t.Errorf("a body that is too large: %s", text)
				}
			}
			diagnosed := 0
			for range 50 {
				finding := refused(t, gate, elsewhere())
				text := strings.Join(finding.Details(), "\n")
				fault, crowded := strings.Contains(text, "fault region"), strings.Contains(text, "not diagnosed: at most 20 refusals are in a second")
				if fault == crowded {
					t.Errorf("the finding says %s", text)
				}
				if len(finding.Fix()) != 1 || !strings.Contains(finding.Fix()[0], scope.Region) {
					t.Errorf("the fix is %q", finding.Fix())
				}
				if fault {
					diagnosed++
				}
			}
			if diagnosed != auth.MaxDiagnoses {
				t.Errorf("%d of 50 were diagnosed, want %d", diagnosed, auth.MaxDiagnoses)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestDiagnosesInASecond: so many refusals are diagnosed in a second, and a clock set back does not close it for an hour.
func TestDiagnosesInASecond(t *testing.T) {
	at := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	second := at.Add(time.Second)
	got := auth.Allowed(100, at, second.Add(-time.Millisecond), second, second.Add(-time.Hour))
	if want := []int{20, 0, 20, 20}; !slices.Equal(got, want) {
		t.Errorf("%v of 100 each were allowed, want %v", got, want)
	}
}

// TestDamagedLinksAreDiagnosed: also those of which no key can be read. They are few in a second, and leave the others
// their share.
func TestDamagedLinksAreDiagnosed(t *testing.T) {
	gate := newGate(t)
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
	link := func(who sigv4.Credentials, damage func(string) string) *http.Request {
		request := httptest.NewRequestWithContext(t.Context(), "GET", "http://here/book?page=5", nil)
		signed, err := signer.Presign(request, who, time.Minute, sigv4.EmptyPayload())
		if err != nil {
			t.Fatal(err)
		}
		request.RequestURI = damage(strings.TrimPrefix(signed.URL, "http://here"))
		return request
	}
	html := func(target string) string { return strings.ReplaceAll(target, "&", "&amp;") }
	for name, test := range map[string]struct {
		request *http.Request
		want    []string
	}{
		"HTML": {link(alice, html), []string{"missing authentication: The presigned link was escaped for HTML",
			"fault link-html-escaped (proven"}},
		"HTML of an unknown key": {link(credentials("AKIANOBODY3456789012", "secret", ""), html),
			[]string{"missing authentication: The presigned link was escaped for HTML", "(a conclusion from"}},
		"period": {link(alice, func(target string) string { return target + "." }),
			[]string{`invalid signature: The presigned link has "." after its signature`}},
		"with Authorization": {func() *http.Request {
			request := link(alice, same)
			request.Header.Set("Authorization", "Bearer abc")
			return request
		}(), []string{"an Authorization header besides", "fault link-and-authorization (proven"}},
		"cut off": {link(alice, func(target string) string { return target[:strings.Index(target, "&X-Amz-Signature")] }),
			[]string{"incomplete signature: The presigned link was cut off: it has no X-Amz-Signature."}},
		"unsigned": {httptest.NewRequestWithContext(t.Context(), "GET", "http://here/book?page=5", nil),
			[]string{"the request is not signed"}},
		"unknown key": {link(credentials("AKIANOBODY3456789012", "secret", ""), same), []string{"does not exist"}},
	} {
		finding := refused(t, gate, test.request)
		text := finding.Summary() + "\n" + strings.Join(finding.Details(), "\n")
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", name, want, text)
			}
		}
		if strings.Contains(text, "secret of alice") {
			t.Errorf("%s: the secret is in %s", name, text)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		crowded := 0
		for range auth.MaxDiagnoses + 5 {
			if text := strings.Join(refused(t, gate, link(alice, html)).Details(), "\n"); strings.Contains(text, "not diagnosed") {
				crowded++
			}
		}
		wrong := alice
		wrong.Secret = sigv4.NewSecret("wrong")
		text := strings.Join(refused(t, gate, link(wrong, same)).Details(), "\n")
		if crowded != 5 || !strings.Contains(text, "fault unknown") {
			t.Errorf("%d links were not diagnosed, want 5; of another request the finding says %s", crowded, text)
		}
	})
}

// TestDiagnosesTakeNoTime: however busy the machine is, the same request has the same diagnosis.
func TestDiagnosesTakeNoTime(t *testing.T) {
	wrong := alice
	wrong.Secret = sigv4.NewSecret("wrong")
	var first string
	for i := range 4 {
		done := make(chan struct{})
		for range 8 * i { // others at work
			go func() {
				for sum := 0; ; sum++ {
					select {
					case <-done:
						return
					default:
					}
				}
			}()
		}
		finding := refused(t, newGate(t), signed(t, wrong))
		text := finding.Summary() + strings.Join(finding.Details(), "\n")
		close(done)
		if i == 0 {
			first = text
		}
		if text != first || !strings.Contains(text, "all of them were tried") {
			t.Errorf("the finding is %s\nafter %s", text, first)
		}
	}
}
