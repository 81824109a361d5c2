//go:build unix

// Command function is the work that the benchmarks put behind furl and behind its peers: one small web page, and two
// streams. Started by a Lambda runtime it is a function behind a function URL, with the handler "web" as a web
// application; as "function serve" it is the same page and the longer stream as an HTTP server; as "function proxy
// URL..." it is a bare reverse proxy. The latter two print their address and end with their standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("_HANDLER") == "web" {
		err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(servePage))
		fmt.Fprintln(os.Stderr, "function:", err)
		os.Exit(1)
	}
	if len(os.Args) == 1 {
		lambda.Start(handle)
		return
	}
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "function:", err)
		os.Exit(1)
	}
}

// page is the work.
func page(number string) ([]byte, error) {
	return json.Marshal(map[string]string{"page": number, "title": "A page of a book"})
}

// The paths of the streams.
const (
	timesPath = "/times"
	bulkPath  = "/bulk"
)

func handle(_ context.Context, request events.LambdaFunctionURLRequest) (any, error) {
	switch request.RawPath {
	case timesPath:
		return &events.LambdaFunctionURLStreamingResponse{Body: &times{}}, nil
	case bulkPath:
		return &events.LambdaFunctionURLStreamingResponse{Body: bulk()}, nil
	}
	text, err := page(request.QueryStringParameters["page"])
	return events.LambdaFunctionURLResponse{
		StatusCode: http.StatusOK,
		Headers:    map[string]string{"content-type": "application/json"},
		Body:       string(text),
	}, err
}

// times are the times at which it is read, and thereby written to the reader of the stream.
type times struct{ read int }

func (t *times) Read(p []byte) (int, error) {
	const pieces, pause = 8, 5 * time.Millisecond // for what comes before to be on its way
	if t.read++; t.read > pieces {
		return 0, io.EOF
	}
	time.Sleep(pause)
	return copy(p, strconv.FormatInt(time.Now().UnixNano(), 10)+"\n"), nil
}

// bulk is as much as two hundred pictures.
func bulk() io.Reader { return io.LimitReader(zeros{}, 200_000_000) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func serve(args []string) error {
	handler, err := handlerOf(args)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // its end is what counts
		listener.Close()
	}()
	if err := http.Serve(listener, handler); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func handlerOf(args []string) (http.Handler, error) {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return http.HandlerFunc(servePage), nil
	case len(args) > 1 && args[0] == "proxy":
		return proxyTo(args[1:])
	}
	return nil, fmt.Errorf("%q is neither serve nor proxy URL [URL]", args)
}

// proxyTo is a bare reverse proxy. One to several servers asks each for one page at a time.
func proxyTo(servers []string) (http.Handler, error) {
	free := make(chan http.Handler, len(servers))
	for _, server := range servers {
		target, err := url.Parse(server)
		if err != nil {
			return nil, err
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		// The default keeps two connections to a host and would make a new one for most requests.
		proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
		if len(servers) == 1 {
			return proxy, nil
		}
		free <- proxy
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy := <-free
		proxy.ServeHTTP(w, r)
		free <- proxy
	}), nil
}

// flushed writes each piece at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	return n, errors.Join(err, http.NewResponseController(f.ResponseWriter).Flush())
}

func servePage(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) //nolint:errcheck // its end is what counts
	switch r.URL.Path {
	case bulkPath:
		io.Copy(w, bulk()) //nolint:errcheck // a client that is gone is nobody's loss
		return
	case timesPath:
		io.Copy(flushed{w}, &times{}) //nolint:errcheck // the same
		return
	}
	text, err := page(r.URL.Query().Get("page"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text) //nolint:errcheck // a client that is gone is nobody's loss
}
