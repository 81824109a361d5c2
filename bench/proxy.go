//go:build unix

package main

import (
	"context"
	"fmt"
	"os/exec"
)

// measureProxy compares furl proxy, as it is by default, with a bare reverse proxy. Both stand before the same plain
// HTTP server, which looks at no signature.
func measureProxy(ctx context.Context, b *bench, e effort) ([]row, error) {
	work, err := b.helper(ctx, "serve")
	if err != nil {
		return nil, err
	}
	signing, err := b.signingProxy(ctx, "http://"+work)
	if err != nil {
		return nil, err
	}
	bare, err := b.helper(ctx, "proxy", "http://"+work)
	if err != nil {
		return nil, err
	}
	rate := func(address string) func() (float64, error) {
		t := plainGet(address, "/"+book)
		return func() (float64, error) { return t.throughput(ctx, connections, e.load) }
	}
	for _, warm := range []string{signing, bare} {
		if _, err := rate(warm)(); err != nil {
			return nil, err
		}
	}
	p, err := e.alternate(rate(signing), rate(bare))
	return []row{{
		fmt.Sprintf("furl proxy, %d connections, small GET", connections), p.rates(""),
		"≥ 75 %", atLeast(p.ratio, 0.75, 2),
		fmt.Sprintf("httputil.ReverseProxy before the same server: %s", perSecond(p.theirs)),
	}}, err
}

// signingProxy starts furl proxy and returns its address. Its log goes to nobody.
func (b *bench) signingProxy(ctx context.Context, upstream string) (address string, err error) {
	program, err := b.furl(ctx)
	if err != nil {
		return "", err
	}
	if address, err = freeAddress(); err != nil {
		return "", err
	}
	command := exec.Command(program, "proxy", upstream, "--listen", address)
	command.Env = b.clientEnv(session)
	stop, err := start(command)
	if err != nil {
		return "", err
	}
	b.atEnd(stop)
	if err := (target{address: address}).wait(ctx, func(*client) error { return nil }); err != nil {
		return "", fmt.Errorf("furl proxy: %w", err)
	}
	return address, nil
}
