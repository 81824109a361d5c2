package proxy_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
)

// A proxy for one function URL. Here a local server stands for the function URL.
func Example() {
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		fmt.Fprintf(w, "%s %s", r.RequestURI, scheme)
	}))
	defer function.Close()
	p, err := proxy.New(proxy.Config{Upstream: function.URL, Transport: &furl.Transport{
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Domains:     map[string]string{function.Listener.Addr().String(): "eu-central-1"},
	}})
	if err != nil {
		log.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, "/book?page=5", nil)
	request.Host = "localhost"
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, request)
	fmt.Println(answer.Code, answer.Body)
	// Output: 200 /book?page=5 AWS4-HMAC-SHA256
}
