//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
)

// measureTransport is what furl.Transport adds to the transport that it sends with: in processor time where that one
// sends nothing, so that nothing else is in the difference, and in time that passes where it is an http.Transport.
func measureTransport(ctx context.Context, b *bench, e effort) ([]row, error) {
	address, err := b.helper(ctx, "serve")
	if err != nil {
		return nil, err
	}
	loopback := furl.NewBase()
	b.atEnd(loopback.CloseIdleConnections)

	unsigned := http.Header{"Content-Type": {"application/json"}}
	signed, bare := poster(newTransport(sendsNothing{}, address), address, unsigned), poster(sendsNothing{}, address, unsigned)
	p := e.alternateWork(signed, bare)
	added, allocs := p.ours-p.theirs, allocations(signed)-allocations(bare)
	already, err := signedHeader(ctx, address)
	if err != nil {
		return nil, err
	}
	sent := e.alternateWaits(poster(newTransport(loopback, address), address, unsigned), poster(loopback, address, already))
	return []row{
		{
			"furl.Transport, POST of 1 KiB, added", fmt.Sprintf("%s, %.0f allocs", took(added), allocs), "≤ 5 µs, ≤ 25 allocs",
			added <= float64(5*time.Microsecond) && allocs <= 25,
			fmt.Sprintf("%s of processor time, less %s for the same over a transport that sends nothing", took(p.ours), took(p.theirs)),
		},
		{
			name: "the same until the answer of a server is there", measured: took(sent.ours - sent.theirs),
			against: fmt.Sprintf("%s, less %s for http.Transport with a request that is signed already", took(sent.ours), took(sent.theirs)),
		},
	}, nil
}

// newTransport is a Transport for the server at address.
func newTransport(base http.RoundTripper, address string) *furl.Transport {
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return awsSession, nil })
	return &furl.Transport{Credentials: aws.NewCredentialsCache(provider), Base: base, Domains: map[string]string{address: region}}
}

// signedHeader is what the Transport adds to the request, so that the same bytes can go without it.
func signedHeader(ctx context.Context, address string) (http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/orders", bytes.NewReader(kilobyte()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	_, err = newTransport(nil, address).Sign(r)
	return r.Header, err
}

// sendsNothing answers 200 by itself.
type sendsNothing struct{}

func (sendsNothing) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// poster posts 1 KiB with the headers and reads the answer.
func poster(transport http.RoundTripper, address string, header http.Header) func() {
	body := kilobyte()
	return func() {
		r, err := http.NewRequest(http.MethodPost, "http://"+address+"/orders", bytes.NewReader(body))
		must(err)
		r.Header = maps.Clone(header)
		response, err := transport.RoundTrip(r)
		must(err)
		_, err = io.Copy(io.Discard, response.Body)
		must(err)
		response.Body.Close()
	}
}
