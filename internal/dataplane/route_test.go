//go:build unix

package dataplane_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
)

// A signature is over the normalized path. What a caller signed for one function URL in path style must not reach
// another whose id is put before it.
func TestPathStyleIsNotClimbedOutOf(t *testing.T) {
	w := newWorld(t)
	alice := w.user(here, "alice", bothActions)
	const other = "zzzzzzzzzzzzzzzzzzzzzzzzz20fghij"
	const prefix = "/_furl/url/"
	for sent, signed := range map[string]string{
		prefix + urlID + "/../" + other + "/x":                            prefix + other + "/x",
		prefix + urlID + "/./../" + other + "/x":                          prefix + other + "/x",
		prefix + urlID + "/a/../../" + other + "/x":                       prefix + other + "/x",
		prefix + urlID + "//../" + other:                                  prefix + other,
		prefix + urlID + "/../../../2015-03-31/functions/f/invocations":   "/2015-03-31/functions/f/invocations",
		prefix + urlID + "/../" + other + "/../" + urlID + "/x?a=/../../": prefix + urlID + "/x?a=/../../",
	} {
		request := w.request(http.MethodGet, signed, "")
		request.Host = ""
		w.sign(request, alice, "")
		request.URL = w.request(http.MethodGet, sent, "").URL
		if got := w.do(request); got.status != 400 || got.body != `{"message":"Bad Request"}` {
			t.Errorf("%s, signed as %s: %+v", sent, signed, got)
		}
	}
	if len(w.runner.requests) > 0 {
		t.Errorf("the function ran: %s", w.runner.requests[0].Payload)
	}
	request := w.request(http.MethodGet, prefix+urlID+"/a/../b", "")
	request.Host = ""
	if got := w.do(w.sign(request, alice, "")); got.status != 200 || w.event()["rawPath"] != "/a/../b" {
		t.Errorf("a path that stays below: %+v", got)
	}
}

// Clients of a proxy send the whole URL as the target. The function sees the path of it.
func TestAbsoluteTarget(t *testing.T) {
	w := newWorld(t)
	w.function(lambda.AuthNone, both(lambda.PermissionPrincipal{Anyone: true})...)
	host := urlID + ".lambda-url." + region + ".localhost"
	for target, path := range map[string]string{
		"http://" + host + "/a%20b?c": "/a%20b", "http://" + host: "/", "http://" + host + "?c": "/",
		"http://" + host + "/x/../y": "/x/../y", "HTTP://" + host + "//x": "//x",
		w.server.URL + "/_furl/url/" + urlID + "/x": "/x",
		// Not a path, or with a user in it.
		"*": "", "http://me:secret@" + host + "/": "", "x:y": "", "http://" + host + "/../x": "",
	} {
		got, seen := w.raw(target, host), ""
		if len(w.runner.requests) > 0 {
			seen, _ = w.event()["rawPath"].(string)
		}
		if path == "" && (got != 400 || len(w.runner.requests) > 0) || path != "" && (got != 200 || seen != path) {
			t.Errorf("%s: answered %d, the function saw %q", target, got, seen)
		}
		w.runner.requests = nil
	}
}

// Only the very form of host that the server writes calls a function: over the network nothing near it does.
func TestHostsOfFunctionURLs(t *testing.T) {
	w := newWorld(t)
	w.function(lambda.AuthNone, both(lambda.PermissionPrincipal{Anyone: true})...)
	const service = ".lambda-url." + region
	for host, runs := range map[string]bool{
		urlID + service + ".localhost": true, urlID + service + ".localhost:80": true, urlID + service + ".on.aws": true,
		strings.ToUpper(urlID + service + ".localhost"): true,

		urlID + service + ".localhost.": false, urlID + service + ".localhost.evil.example": false, urlID + service: false,
		"x." + urlID + service + ".localhost": false, urlID + ".x" + service + ".localhost": false,
		urlID + ".cell-1-lambda-url." + region + ".localhost": false, urlID + ".lambda-url..localhost": false,
		urlID + service + "..localhost": false, urlID + service + ".%6cocalhost": false,
		urlID + service + ".localhost:x": false, urlID + ".lambda-url.eusc-de-east-1.localhost": false,
	} {
		w.runner.requests = nil
		if got := w.raw("/", host); (got == 200) != runs || (len(w.runner.requests) > 0) != runs {
			t.Errorf("%s: answered %d, the function ran %d times", host, got, len(w.runner.requests))
		}
	}
}

// raw sends a target that net/http's client would not, and returns the status of the answer.
func (w *world) raw(target, host string) int {
	w.t.Helper()
	connection, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	<-w.handled
	return response.StatusCode
}
