//go:build unix

package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// webApp is a web application that knows nothing of Lambda, as its users deploy it with the layer of the Web Adapter.
type webApp struct {
	name      string
	runtime   types.Runtime
	handler   string
	zip       string
	variables map[string]string
	ports     []string // variables with the port on which it listens whatever PORT says
}

func webApps(t *testing.T) []webApp {
	need(t, "python", "package", "node")
	needProgram(t, "node")
	return []webApp{
		{
			"fastapi", types.Runtime(pythonRuntime(t)), "run.sh", writeZip(t, []string{"testdata/function/fastapi", ".env/package/web"}, nil),
			map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "AWS_LWA_READINESS_CHECK_PATH": "/docs"}, nil,
		},
		{
			"express", nodeRuntime(t), "run.sh", writeZip(t, []string{"testdata/function/express"}, nil),
			map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}, []string{"AWS_LWA_PORT", "EXPRESS_PORT"},
		},
		{"webserver", types.RuntimeProvidedal2023, "bootstrap", writeZip(t, nil, map[string]string{"bootstrap": must(t, buildWebServer)}), nil, nil},
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// publicAdapter is the layer as the adapter's README names it.
const publicAdapter = "arn:aws:lambda:" + region + ":753240598075:layer:LambdaAdapterLayerX86:26"

func (s *server) createWebApp(t *testing.T, app webApp, layer string, mode types.InvokeMode) string {
	t.Helper()
	name, port := app.name+"-"+strings.ToLower(strings.ReplaceAll(string(mode), "_", "-")), freePort(t)
	if layer != publicAdapter {
		name = "adapted-" + name
	}
	url := s.createFunction(t, name, app.runtime, app.handler, app.zip, mode, func(in *lambda.CreateFunctionInput) {
		in.Layers, in.MemorySize = []string{layer}, aws.Int32(512)
		in.Environment = &types.Environment{Variables: map[string]string{"AWS_LWA_INVOKE_MODE": string(mode)}}
		if layer != publicAdapter {
			in.Environment.Variables["PORT"] = port
		}
		for _, name := range app.ports {
			in.Environment.Variables[name] = port
		}
		for name, value := range app.variables {
			in.Environment.Variables[name] = value
		}
	})
	if layer != publicAdapter {
		s.alone(t, name)
	}
	return url
}

// TestWebApps calls real web applications behind the public layer of the Web Adapter, which nobody has installed.
func TestWebApps(t *testing.T) {
	s := startServer(t)
	s.testWebApps(t, publicAdapter)
}

// TestWebAdapterApps calls the same applications behind the adapter itself.
func TestWebAdapterApps(t *testing.T) {
	content := adapterLayer(t)
	s := startServer(t)
	s.patient = true
	s.testWebApps(t, s.publishAdapter(t, content))
}

func (s *server) testWebApps(t *testing.T, layer string) {
	for _, app := range webApps(t) {
		for _, mode := range []types.InvokeMode{types.InvokeModeBuffered, types.InvokeModeResponseStream} {
			t.Run(app.name+" "+string(mode), func(t *testing.T) {
				url := s.createWebApp(t, app, layer, mode)
				s.testPages(t, url)
				if layer == publicAdapter {
					s.testParts(t, url)
				}
				if mode == types.InvokeModeResponseStream {
					s.testEvents(t, url)
				}
			})
		}
	}
}

// testPages calls the pages that all applications have.
func (s *server) testPages(t *testing.T, url string) {
	response, text := s.call(t, http.MethodGet, url+"hello?name=caf%C3%A9%20x", "")
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" &&
		!strings.HasPrefix(response.Header.Get("Content-Type"), "application/json;") {
		t.Fatalf("%s %v: %s", response.Status, response.Header, text)
	}
	got := decode[map[string]string](t, text)
	if got["name"] != "café x" || got["caller"] != "arn:aws:iam::"+account+":root" || got["host"] != response.Request.URL.Host {
		t.Errorf("hello: %v", got)
	}
	if response, text := s.call(t, http.MethodHead, url+"hello", ""); response.StatusCode != http.StatusOK || text != "" {
		t.Errorf("HEAD: %s %q", response.Status, text)
	}
	binary := strings.Repeat("\x00\xff\n\"", 250_000)
	if response, text := s.call(t, http.MethodPost, url+"echo", binary); response.StatusCode != http.StatusOK || text != binary {
		t.Errorf("echo: %s, %d bytes", response.Status, len(text))
	}
	if response, _ := s.call(t, http.MethodGet, url+"nothing", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("unknown page: %s", response.Status)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response = s.openWith(t, &client, http.MethodGet, url+"enter", "")
	response.Body.Close()
	var cookies []string
	for _, cookie := range response.Cookies() {
		cookies = append(cookies, fmt.Sprintf("%s=%s %t", cookie.Name, cookie.Value, cookie.HttpOnly))
	}
	if response.StatusCode != http.StatusFound || !strings.HasSuffix(response.Header.Get("Location"), "/hello") ||
		!slices.Equal(cookies, []string{"session=one true", "theme=dark false"}) {
		t.Errorf("enter: %s %v", response.Status, response.Header)
	}
}

// testParts calls several pages at a time.
func (s *server) testParts(t *testing.T, url string) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if response, text := s.call(t, http.MethodGet, url+"hello", ""); response.StatusCode != http.StatusOK {
				t.Errorf("one of several at a time: %s %s", response.Status, text)
			}
		})
	}
	all.Wait()
}

// testEvents reads events of the server while the application sends them.
func (s *server) testEvents(t *testing.T, url string) {
	const count, pause = 4, 300 * time.Millisecond
	response := s.open(t, http.MethodGet, fmt.Sprintf("%sevents?n=%d&pause=%g", url, count, pause.Seconds()), "")
	defer response.Body.Close()
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	reader := bufio.NewReader(response.Body)
	first, err := reader.ReadString('\n')
	begin := time.Now()
	rest, errRest := io.ReadAll(reader)
	if all := first + string(rest); err != nil || errRest != nil || all != "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n" {
		t.Errorf("%q, %v, %v", all, err, errRest)
	}
	// The first event has to come while the others are not yet written.
	if lag := time.Since(begin); lag < (count-1)*pause/2 {
		t.Errorf("the rest came %s after the first event: that is not a stream", lag)
	}
}
