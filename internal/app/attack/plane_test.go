//go:build unix

package attack_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
)

// plane is a way into the server, with a request that would do something there.
type plane struct {
	name    string
	service string
	window  time.Duration // how far off a date may be
	request request       // not signed
	caller  string        // what STS says of the one who signs
	harm    func(t *testing.T)
	codes   *codes
}

// codes are what a plane calls the kinds of refusals.
type codes struct {
	read                                                func(answer) (code, message string)
	notSigned, mismatch, incomplete, token, old, broken refusal
	large                                               refusal
}

// refusal is the status and the error's code, and the text where the plane has the same for all of the kind.
type refusal struct {
	status  int
	code    string
	message string
}

// kind chooses the refusal of a plane.
type kind func(*codes) refusal

func notSigned(c *codes) refusal { return c.notSigned }

func mismatch(c *codes) refusal { return c.mismatch }

func incomplete(c *codes) refusal { return c.incomplete }

func invalidToken(c *codes) refusal { return c.token }

func expiredToken(c *codes) refusal { return c.old }

func malformed(c *codes) refusal { return c.broken }

func tooLarge(c *codes) refusal { return c.large }

var urlCodes = codes{
	read:       readJSON,
	notSigned:  refusal{status: 403, code: "AccessDeniedException", message: "Forbidden"},
	mismatch:   refusal{status: 403, code: "InvalidSignatureException"},
	incomplete: refusal{status: 403, code: "IncompleteSignatureException"},
	token:      refusal{status: 403, code: "UnrecognizedClientException"},
	old:        refusal{status: 403, code: "ExpiredTokenException"},
	broken:     refusal{status: 400, code: "BadRequestException", message: "Bad Request"},
	large:      refusal{status: 413, code: "RequestEntityTooLargeException"},
}

var lambdaCodes = codes{
	read:       readJSON,
	notSigned:  refusal{status: 403, code: "MissingAuthenticationTokenException", message: "Missing Authentication Token"},
	mismatch:   refusal{status: 403, code: "InvalidSignatureException"},
	incomplete: refusal{status: 403, code: "IncompleteSignatureException"},
	token:      refusal{status: 403, code: "UnrecognizedClientException"},
	old:        refusal{status: 403, code: "ExpiredTokenException"},
	broken:     refusal{status: 400, code: "BadRequestException"},
	large:      refusal{status: 413, code: "RequestEntityTooLargeException"},
}

var queryCodes = codes{
	read: readXML,
	notSigned: refusal{status: 403, code: "MissingAuthenticationToken",
		message: "Request is missing Authentication Token"},
	mismatch:   refusal{status: 403, code: "SignatureDoesNotMatch"},
	incomplete: refusal{status: 400, code: "IncompleteSignature"},
	token:      refusal{status: 403, code: "InvalidClientTokenId"},
	old:        refusal{status: 403, code: "ExpiredToken"},
	broken:     refusal{status: 400, code: "MalformedQueryString"},
	large:      refusal{status: 413, code: "RequestEntityTooLarge"},
}

func readJSON(a answer) (code, message string) {
	var body struct{ Message string } // in either case
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		return "", fmt.Sprintf("not JSON: %v", err)
	}
	return a.header.Get("X-Amzn-Errortype"), body.Message
}

func readXML(a answer) (code, message string) {
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := xml.Unmarshal([]byte(a.body), &body); err != nil {
		return "", fmt.Sprintf("not XML: %v", err)
	}
	return body.Error.Code, body.Error.Message
}

// planes are all ways in. What is sent to any of them would run a function or change the world.
func (w *world) planes() []plane {
	url := w.url(w.iamURL, "POST", "/orders?id=7", `{"order":1}`).with("Content-Type: application/json")
	path := url.to("/_furl/url/" + w.iamURL + url.target)
	path.host = w.address
	invocation := w.api("POST", "/2015-03-31/functions/target/invocations?Qualifier=%24LATEST", url.body)
	create := w.action("iam", "CreateUser", "UserName", "intruder")
	assume := w.action("sts", "AssumeRole", "RoleArn", callerRole(accountA), "RoleSessionName", "intruder")
	planes := []plane{
		{name: "function URL", request: url, codes: &urlCodes},
		{name: "function URL in path style", request: path, codes: &urlCodes},
		{name: "Lambda API", request: invocation.with("Content-Type: application/json"), codes: &lambdaCodes},
		{name: "IAM API", request: create, codes: &queryCodes},
		{name: "STS API", request: assume, codes: &queryCodes},
	}
	for i := range planes {
		p := &planes[i]
		p.service, p.window, p.harm = p.request.service, 5*time.Minute, func(*testing.T) {}
		if p.codes == &queryCodes {
			p.window = 15 * time.Minute
		}
	}
	planes[3].harm = w.noIntruder
	return planes
}

// readers are the same ways in, with requests that change nothing and have no query: with them it can be seen that a
// signature is accepted.
func (w *world) readers() []plane {
	planes := w.planes()
	for i := range planes {
		p := &planes[i]
		p.request.target, _, _ = strings.Cut(p.request.target, "?")
		p.harm, p.caller = func(*testing.T) {}, ":user/alice</Arn>"
	}
	planes[2].request = w.api("GET", "/2015-03-31/functions/target", "")
	planes[3].request = w.action("iam", "GetUser", "UserName", "alice")
	planes[4].request = w.action("sts", "GetCallerIdentity")
	return planes
}

// accepts expects the answer to a caller whose signature is good: a function's, or an API's that does as it is asked.
// It returns what the function saw.
func (p plane) accepts(t *testing.T, w *world, a answer) event {
	t.Helper()
	if p.codes == &urlCodes {
		return w.ran(t, a)
	}
	if a.status != 200 {
		t.Errorf("want an answer of the %s, got %v", p.name, a)
	}
	if p.service == "sts" && !strings.Contains(a.body, p.caller) {
		t.Errorf("accepted as somebody else: %v", a)
	}
	return event{}
}

// findsNothing expects the answer to a caller whose signature is good, who asks an API for what is not there.
func (p plane) findsNothing(t *testing.T, a answer, code string) {
	t.Helper()
	if got, _ := p.codes.read(a); a.status != 404 || got != code {
		t.Errorf("want 404 %s of the %s, got %v", code, p.name, a)
	}
}

// noIntruder checks that the request to the IAM API did nothing.
func (w *world) noIntruder(t *testing.T) {
	t.Helper()
	if a := w.rootA.query(t, "iam", "GetUser", "UserName", "intruder"); a.status != 404 {
		t.Fatalf("the user was made: %v", a)
	}
}

const (
	messageMismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	messageToken    = "The security token included in the request is invalid."
	messageTampered = "The security token included in the request is invalid"
	messageHost     = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
)

// refuses expects the plane's refusal of the kind. A message that ends in "…" is the beginning of one.
func (p plane) refuses(t *testing.T, a answer, kind kind, message string) {
	t.Helper()
	codes := p.codes
	if codes == &queryCodes && a.header.Get("X-Amzn-Errortype") != "" {
		codes = &lambdaCodes // the request says no service, or one that is none, and is refused by the first API
	}
	want := kind(codes)
	code, text := codes.read(a)
	if want.message != "" {
		message = want.message
	}
	begins, open := strings.CutSuffix(message, "…")
	if a.status != want.status || code != want.code || text != message && !(open && strings.HasPrefix(text, begins)) {
		t.Errorf("want %d %s %q, got %v", want.status, want.code, message, a)
	}
	if strings.Contains(a.body, "AWS4-HMAC-SHA256\n") {
		t.Errorf("the client is told the string to sign: %v", a)
	}
	p.harm(t)
}

// attack is a request that must be refused by every plane.
type attack struct {
	name    string
	forge   func(w *world, p plane) request
	kind    kind
	message string
}

// try sends the attacks to all planes.
func (w *world) try(t *testing.T, attacks []attack) {
	t.Helper()
	for _, p := range w.planes() {
		t.Run(p.name, func(t *testing.T) {
			for _, attack := range attacks {
				t.Run(attack.name, func(t *testing.T) {
					p.refuses(t, w.send(t, attack.forge(w, p)), attack.kind, attack.message)
				})
			}
		})
	}
}

// good is a good signature of alice for the plane.
func (w *world) good(p plane) signing { return w.alice.signing(p.service) }
