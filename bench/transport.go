package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
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

	signed, bare := poster(newTransport(sendsNothing{}, address), address), poster(sendsNothing{}, address)
	p := e.alternateWork(signed, bare)
	added, allocs := p.ours-p.theirs, allocations(signed)-allocations(bare)
	sent := e.alternateWaits(poster(newTransport(loopback, address), address), poster(loopback, address))
	return []row{
		{
			"furl.Transport, POST of 1 KiB, added", fmt.Sprintf("%s, %.0f allocs", took(added), allocs), "≤ 5 µs, ≤ 25 allocs",
			added <= float64(5*time.Microsecond) && allocs <= 25,
			fmt.Sprintf("%s of processor time, less %s for the same over a transport that sends nothing", took(p.ours), took(p.theirs)),
		},
		{
			name: "the same until the answer of a server is there", measured: took(sent.ours - sent.theirs),
			against: fmt.Sprintf("%s, less %s for http.Transport; headers and session token go over loopback too", took(sent.ours), took(sent.theirs)),
		},
	}, nil
}

// newTransport is a Transport for the server at address.
func newTransport(base http.RoundTripper, address string) *furl.Transport {
	keys := aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.Secret.Reveal(), SessionToken: session.SessionToken}
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })
	return &furl.Transport{Credentials: aws.NewCredentialsCache(provider), Base: base, Domains: map[string]string{address: region}}
}

// sendsNothing answers 200 by itself.
type sendsNothing struct{}

func (sendsNothing) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// poster posts 1 KiB and reads the answer.
func poster(transport http.RoundTripper, address string) func() {
	body := kilobyte()
	return func() {
		r, err := http.NewRequest(http.MethodPost, "http://"+address+"/orders", bytes.NewReader(body))
		must(err)
		r.Header.Set("Content-Type", "application/json")
		response, err := transport.RoundTrip(r)
		must(err)
		_, err = io.Copy(io.Discard, response.Body)
		must(err)
		response.Body.Close()
	}
}
