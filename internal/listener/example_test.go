package listener_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/furl-dev/furl/internal/listener"
)

func Example() {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	bounded := listener.New(tcp, listener.Config{Log: slog.Default()})
	server := &http.Server{Handler: http.NotFoundHandler()}
	listener.Guard(server)
	go server.Serve(bounded) //nolint:errcheck // Close ends it

	answer, err := http.Get("http://" + tcp.Addr().String())
	if err == nil {
		fmt.Println(answer.Status, answer.Body.Close())
	}
	server.Close() //nolint:errcheck // the example is over
	// Output: 404 Not Found <nil>
}
