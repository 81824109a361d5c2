//go:build unix

package interop_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/furl-dev/furl"
)

// seen is what the function of the tests of protocols answers: the event's own words for how it was asked.
type seen struct{ Protocol, Proto, Port, TLS, Caller string }

const showProtocol = `export const handler = async (event) => ({
  protocol: event.requestContext.http.protocol, proto: event.headers["x-forwarded-proto"], port: event.headers["x-forwarded-port"],
  tls: event.headers["x-amzn-tls-version"] ?? "", caller: event.requestContext.authorizer.iam.userArn,
});`

// secureServer is a server with the local authority, and a function behind a URL. Its clients are the administrator,
// and have nothing but what furl env prints. The AWS CLI makes the function over https.
func secureServer(t *testing.T, flags ...string) (s *server, url, port string) {
	t.Helper()
	need(t, "python")
	needProgram(t, "curl")
	needProgram(t, "node")
	s = startServer(t, append([]string{"--tls"}, flags...)...)
	var ok bool
	if s.vars, ok = s.variables(account, []string{}...); !ok {
		t.Fatal("furl env has no administrator")
	}
	if !strings.HasPrefix(s.endpoint(), "https://") {
		t.Fatalf("furl env exports %s", s.endpoint())
	}
	s.deploy(t, "show", "nodejs22.x", "index.handler", writeZip(t, nil, map[string]string{"index.mjs": writeFile(t, showProtocol)}))
	url = s.shell(t, `aws lambda create-function-url-config --function-name show --auth-type AWS_IAM --query FunctionUrl --output text`)
	return s, url, s.endpoint()[strings.LastIndexByte(s.endpoint(), ':')+1:]
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Clients verify the certificate of the local authority and speak the protocol that they choose, and their signatures
// are good in each.
func TestProtocols(t *testing.T) {
	s, url, port := secureServer(t)
	env := []string{"URL=" + url, "CLEAR=" + strings.Replace(url, "https://", "http://", 1), "FURL=" + must(t, buildFurl)}
	const signed = `curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:lambda" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" `
	const presigned = `$("$FURL" sign "$URL" --as url)`
	const node = `node -e '
		const http2 = require("node:http2"), url = new URL(process.argv[1]);
		const session = http2.connect(url.origin), stream = session.request({":path": url.pathname + url.search});
		let text = ""; stream.setEncoding("utf8");
		stream.on("data", (some) => text += some); stream.on("end", () => { console.log(text); session.close(); }); stream.end();
	' `
	admin := "arn:aws:iam::" + account + ":user/admin"
	secure := func(protocol string) seen { return seen{protocol, "https", port, "TLSv1.3", admin} }
	clear := func(protocol string) seen { return seen{protocol, "http", port, "", admin} }
	for name, c := range map[string]struct {
		command string
		want    seen
	}{
		"curl, HTTP/2":                 {signed + `--cacert "$AWS_CA_BUNDLE" --http2 "$URL"`, secure("HTTP/2.0")},
		"curl, HTTP/2 with a body":     {signed + `--cacert "$AWS_CA_BUNDLE" --http2 -d '{"a":1}' "$URL"`, secure("HTTP/2.0")},
		"curl, HTTP/1.1":               {signed + `--cacert "$AWS_CA_BUNDLE" --http1.1 "$URL"`, secure("HTTP/1.1")},
		"curl, HTTP/2 without TLS":     {signed + `--http2-prior-knowledge "$CLEAR"`, clear("HTTP/2.0")},
		"curl, upgrade":                {signed + `--http2 "$CLEAR"`, clear("HTTP/1.1")}, // the server may ignore it (RFC 9113, 3.1)
		"curl, presigned":              {`curl -sS --cacert "$AWS_CA_BUNDLE" "` + presigned + `"`, secure("HTTP/2.0")},
		"Node.js, HTTP/2":              {node + `"` + presigned + `"`, secure("HTTP/2.0")},
		"Node.js, HTTP/2 without TLS":  {node + `"$("$FURL" sign "$CLEAR" --as url)"`, clear("HTTP/2.0")},
		"Node.js, fetch":               {`node -e 'fetch(process.argv[1]).then(r => r.text()).then(console.log)' "` + presigned + `"`, secure("HTTP/1.1")},
		"furl call":                    {`"$FURL" call "$URL"`, secure("HTTP/1.1")},
		"furl call without a variable": {`unset AWS_CA_BUNDLE; "$FURL" call "$URL"`, secure("HTTP/1.1")},
		"the AWS CLI knows who it is":  {`aws sts get-caller-identity --query '{Caller: Arn}'`, seen{Caller: admin}},
		"Python's requests and botocore": {installed(t, "python", "bin", "python") + ` -c '
import os, ssl, urllib.request
from botocore.session import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
request = AWSRequest("GET", os.environ["URL"])
SigV4Auth(Session().get_credentials(), "lambda", os.environ["AWS_REGION"]).add_auth(request)
context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
context.verify_flags |= ssl.VERIFY_X509_STRICT
print(urllib.request.urlopen(urllib.request.Request(request.url, headers=dict(request.headers)), context=context).read().decode())'`,
			secure("HTTP/1.1")},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decode[seen](t, s.shell(t, c.command, env...)); got != c.want {
				t.Errorf("the function saw %+v, want %+v", got, c.want)
			}
		})
	}
	t.Run("Go, HTTP/2", func(t *testing.T) {
		text, err := os.ReadFile(s.vars["AWS_CA_BUNDLE"])
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		transport := furl.NewTransport(s.config())
		transport.Domains = map[string]string{strings.Split(url, "/")[2]: region}
		transport.Base = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.Proto != "HTTP/2.0" || response.StatusCode != http.StatusOK {
			t.Errorf("%s %s", response.Proto, response.Status)
		}
	})
	t.Run("a changed request", func(t *testing.T) {
		if got := s.tryShell(t, `curl -s -o /dev/null -w '%{http_version} %{http_code}' --cacert "$AWS_CA_BUNDLE" "`+presigned+`&x=1"`, env...); got.stdout != "2 403" {
			t.Errorf("%q", got.stdout)
		}
	})
}

// Behind somebody else's TLS, functions and policies see what the client speaks.
func TestForwardedProto(t *testing.T) {
	s, url, _ := secureServer(t, "--forwarded-proto", "https")
	host := strings.Split(url, "/")[2]
	env := []string{"URL=" + strings.Replace(url, "https://", "http://", 1), "FURL=" + must(t, buildFurl), "HOST=" + host}
	got := decode[seen](t, s.shell(t, `"$FURL" call "$URL" -H "X-Forwarded-Proto: http"`, env...))
	want := seen{"HTTP/1.1", "https", host[strings.LastIndexByte(host, ':')+1:], "", "arn:aws:iam::" + account + ":user/admin"}
	if got != want {
		t.Errorf("the function saw %+v, want %+v", got, want)
	}
	got = decode[seen](t, s.shell(t, `"$FURL" call "$URL" -H "Host: furl.example"`, env...))
	if want.Port = "443"; got != want {
		t.Errorf("under the name of the front end the function saw %+v, want %+v", got, want)
	}
}
