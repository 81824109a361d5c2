package proxy_test

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
)

func Example() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	p, err := proxy.New(proxy.Config{Upstream: "https://ID.lambda-url.eu-central-1.on.aws", Transport: furl.NewTransport(cfg)})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		log.Fatal(err)
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := p.Serve(context.Background(), stop, listener); err != nil {
		log.Fatal(err)
	}
}
