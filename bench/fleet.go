//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"time"
)

// fleet is as many function URLs as a larger team has in an account and region.
var fleet = population{accounts: 1, functions: 400, roles: 400, keys: 2}

// fleetDelay is what each call of an API takes longer than here, as it does far from the region.
const fleetDelay = 50 * time.Millisecond

// measureFleet is how long furl check --all takes: from the start of the process to its end.
func measureFleet(ctx context.Context, b *bench, e effort) ([]row, error) {
	size := fleet
	if e.large.functions < size.functions {
		size = e.large
		size.accounts = 1
	}
	data := filepath.Join(b.dir, "fleet")
	s, err := b.serve(ctx, data) // which makes the data directory
	if err != nil {
		return nil, err
	}
	s.stop()
	if err := populate(ctx, data, size); err != nil {
		return nil, err
	}
	if s, err = b.serve(ctx, data); err != nil {
		return nil, err
	}
	b.atEnd(s.stop)
	address, err := b.listen(delayed(s.address))
	if err != nil {
		return nil, err
	}
	program, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	var times []float64
	for range max(1, e.starts/5) {
		command := exec.CommandContext(ctx, program, "check", "--all", "--quiet", "--endpoint-url", "http://"+address)
		command.Env = b.clientEnv(s.root)
		begin := time.Now()
		out, err := command.Output()
		times = append(times, float64(time.Since(begin)))
		// The policies grant one of the actions alone to CloudFront, which is a problem.
		sentence := fmt.Sprintf("\n%d function URLs: 0 ok, %[1]d problems\n", size.functions)
		if ended, ok := errors.AsType[*exec.ExitError](err); !ok || ended.ExitCode() != 4 || !bytes.HasSuffix(out, []byte(sentence)) {
			return nil, fmt.Errorf("%s: %w\n%s", command, err, out)
		}
	}
	whole := median(times)
	return []row{{
		fmt.Sprintf("furl check --all, %d function URLs", size.functions), took(whole), "≤ 12 s", whole <= float64(12*time.Second),
		fmt.Sprintf("median of %d; %s added to each call: one after the other %s", len(times), took(float64(fleetDelay)),
			took(float64(time.Duration(2*size.functions+size.functions/50)*fleetDelay))),
	}}, nil
}

// delayed is a way to a server that takes its time.
func delayed(address string) http.Handler {
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = r.In.Host // which is signed
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(fleetDelay)
		proxy.ServeHTTP(w, r)
	})
}
