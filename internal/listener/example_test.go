package listener_test

import (
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

func Example() {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	bounded := listener.New(tcp, listener.Config{Log: slog.Default()})
	server := &http.Server{ReadHeaderTimeout: time.Minute}
	listener.Guard(server)
	if err := server.Serve(bounded); err != nil {
		log.Fatal(err)
	}
}
