package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listening is a server that notes what it is sent, one request at a time, and answers it or sends it elsewhere.
type listening struct {
	*httptest.Server
	sent     []string // the Authorization header of each request, and the rest of it
	redirect string
}

func listen(t *testing.T) *listening {
	l := &listening{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization := r.Header["Authorization"]
		r.Header.Del("Authorization")
		l.sent = append(l.sent, strings.Join(authorization, "; "), fmt.Sprint(r.RequestURI, r.Header))
		if l.redirect != "" {
			http.Redirect(w, r, l.redirect, http.StatusFound)
			return
		}
		fmt.Fprintln(w, "explained")
	}))
	t.Cleanup(l.Close)
	return l
}

// The page token goes to the server of the data directory and nowhere else: to no other address, to none that the
// server redirects to, and not into what the command prints.
func TestThePageTokenStaysAtHome(t *testing.T) {
	token := strings.Repeat("0123456789abcdef", 4)
	home, away := listen(t), listen(t)
	data, empty := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"page-token":  token + "\n",
		"server.json": `{"endpoint":"` + home.URL + `","account":"123456789012"}`,
	} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host := strings.TrimPrefix(home.URL, "http://")
	withUser := strings.Replace(away.URL, "//", "//"+host+"@", 1)
	const bearer, signature, nothing = "Bearer ", "AWS4-HMAC-SHA256 ", ""
	const noKeys = "AWS_ACCESS_KEY_ID="
	for _, test := range []struct {
		name        string
		args        string
		environment string
		to          *listening
		want        string // how the Authorization header begins
	}{
		{"the data directory as a flag", "--data " + data, "", home, bearer},
		{"the data directory in the environment", "", "FURL_DATA=" + data, home, bearer},
		{"its address as well", "--data " + data + " --endpoint-url " + home.URL, "", home, bearer},
		{"its address in the environment", "", "FURL_DATA=" + data + " AWS_ENDPOINT_URL=" + home.URL + "/", home, bearer},
		{"a flag before the environment", "--data " + data, "AWS_ENDPOINT_URL=" + away.URL, home, bearer},
		{"another address", "--data " + data + " --endpoint-url " + away.URL, "", away, signature},
		{"another address, without keys", "--data " + data + " --endpoint-url " + away.URL, noKeys, away, nothing},
		{"another address in the environment", "", "FURL_DATA=" + data + " AWS_ENDPOINT_URL=" + away.URL, away, signature},
		{"an address that ends alike", "--data " + data + " --endpoint-url " + away.URL + "/" + host, noKeys, away, nothing},
		{"an address with its address as a user", "--data " + data + " --endpoint-url " + withUser, noKeys, away, nothing},
		{"another data directory", "--data " + empty + " --endpoint-url " + home.URL, "", home, signature},
	} {
		t.Run(test.name, func(t *testing.T) {
			environment(t)
			for variable := range strings.FieldsSeq(test.environment) {
				name, value, _ := strings.Cut(variable, "=")
				t.Setenv(name, value)
			}
			home.sent, away.sent = nil, nil
			code, stdout, stderr := run(t, nil, append([]string{"explain", "--last"}, strings.Fields(test.args)...)...)
			if code != 0 || stdout != "explained\n" {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			if len(test.to.sent) != 2 || len(home.sent)+len(away.sent) != 2 {
				t.Fatalf("sent %q and %q", home.sent, away.sent)
			}
			proof, rest := test.to.sent[0], test.to.sent[1]
			if test.want == bearer && proof != bearer+token || test.want != bearer && strings.Contains(proof, token) {
				t.Errorf("sent %q", proof)
			}
			if (proof == "") != (test.want == nothing) || !strings.HasPrefix(proof, test.want) {
				t.Errorf("sent %q, want %q", proof, test.want)
			}
			if strings.Contains(rest+stdout+stderr, token) {
				t.Errorf("the page token is in %s, %s or %s", rest, stdout, stderr)
			}
		})
	}
	t.Run("a redirect", func(t *testing.T) {
		environment(t)
		home.redirect, away.sent = away.URL, nil
		code, stdout, stderr := run(t, nil, "explain", "--last", "--data", data)
		if code == 0 || len(away.sent) != 0 || strings.Contains(stdout+stderr, token) {
			t.Errorf("exit code %d, sent %q: %s%s", code, away.sent, stdout, stderr)
		}
	})
}
