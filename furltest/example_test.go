//go:build unix

package furltest_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/furltest"
)

// exampleTest stands for the *testing.T that a test has.
type exampleTest struct {
	testing.TB
	cleanups []func()
}

func (*exampleTest) Helper()                   {}
func (*exampleTest) Failed() bool              { return false }
func (t *exampleTest) Cleanup(f func())        { t.cleanups = append(t.cleanups, f) }
func (*exampleTest) Fatalf(f string, a ...any) { fmt.Printf(f+"\n", a...); os.Exit(1) }
func (t *exampleTest) end() {
	for _, f := range t.cleanups {
		f()
	}
}

// get is the client of the examples: it signs.
func get(client *http.Client, url string) string {
	response, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

// A role may call a function URL after it has been granted that.
func Example() {
	t := &exampleTest{} // in a test: the *testing.T
	defer t.end()

	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := furltest.CallerOf(r.Context())
		fmt.Fprintf(w, "hello %s", caller.UserARN)
	}))
	role := srv.Role("caller")
	client := &http.Client{Transport: furl.NewTransport(role.Config())}

	fmt.Println(get(client, url.URL))
	srv.Grant(role, url)
	fmt.Println(get(client, url.URL))
	// Output:
	// 403 {"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}
	// 200 hello arn:aws:sts::123456789012:assumed-role/caller/furltest
}

// The reason of a refusal is not in the answer.
func ExampleServer_Refusals() {
	t := &exampleTest{}
	defer t.end()

	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.NotFoundHandler(), furltest.Named("orders"))
	get(http.DefaultClient, url.URL)
	for _, refusal := range srv.Refusals() {
		fmt.Println(refusal.Status, refusal.Reason)
	}
	// Output:
	// 403 the request is not signed
}

// A client that repeats requests is throttled once.
func ExampleFunctionURL_Throttle() {
	t := &exampleTest{}
	defer t.end()

	srv := furltest.Start(t)
	calls := 0
	url := srv.NewFunctionURL(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		io.WriteString(w, "done")
	}))
	url.Throttle(1)
	client := &http.Client{Transport: furl.NewTransport(srv.Config())}
	fmt.Println(get(client, url.URL), calls)
	// Output: 200 done 1
}

// A client whose session has ended asks for another one.
func ExamplePrincipal_EndSessions() {
	t := &exampleTest{}
	defer t.end()

	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "done")
	}))
	role := srv.Role("caller")
	srv.Grant(role, url)
	client := &http.Client{Transport: furl.NewTransport(role.Config())}
	fmt.Println(get(client, url.URL))
	role.EndSessions()
	fmt.Println(get(client, url.URL))
	fmt.Println(srv.Refusals()[0].ErrorType)
	// Output:
	// 200 done
	// 200 done
	// ExpiredTokenException
}

// An answer breaks off in the middle.
func ExampleStreaming() {
	t := &exampleTest{}
	defer t.end()

	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}), furltest.Streaming())
	client := &http.Client{Transport: furl.NewTransport(srv.Config())}
	fmt.Println(get(client, url.URL))
	// Output: unexpected EOF
}
