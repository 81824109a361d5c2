package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
	"time"
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
		return func() (float64, error) {
			r, err := http.NewRequest(http.MethodGet, "http://"+address+"/"+book, nil)
			if err != nil {
				return 0, err
			}
			t, err := newTarget(r, nil)
			if err != nil {
				return 0, err
			}
			return t.throughput(ctx, connections, e.load)
		}
	}
	for _, warm := range []string{signing, bare} {
		if _, err := rate(warm)(); err != nil {
			return nil, err
		}
	}
	p, err := e.alternate(rate(signing), rate(bare))
	return []row{{
		fmt.Sprintf("furl proxy, %d connections, small GET", connections), fmt.Sprintf("%s, %s", perSecond(p.ours), percent(p.ratio)), "≥ 75 %", atLeast(p.ratio, 0.75, 2),
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
	if err := command.Start(); err != nil {
		return "", err
	}
	b.atEnd(func() {
		command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended by itself
		command.Wait()                          //nolint:errcheck // it has served its purpose
	})
	for end := time.Now().Add(patience); ctx.Err() == nil; time.Sleep(time.Millisecond) {
		c, err := dial(address)
		if err == nil {
			c.close()
			return address, nil
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("furl proxy does not listen: %w", err)
		}
	}
	return "", ctx.Err()
}
