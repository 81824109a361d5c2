//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// measureProxy compares furl proxy, as it is by default, with a bare reverse proxy. Both stand before the same plain
// HTTP server, which looks at no signature.
func measureProxy(ctx context.Context, b *bench, e effort) ([]row, error) {
	work, err := b.helper(ctx, "serve")
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, measure := range []func(context.Context, *bench, effort, string) ([]row, error){
		measureProxyRate, measureProxyStream, measureProxyBulk, measureProxyIdle,
	} {
		end := b.nested()
		measured, err := measure(ctx, b, e, "http://"+work)
		end()
		if rows = append(rows, measured...); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func measureProxyRate(ctx context.Context, b *bench, e effort, work string) ([]row, error) {
	signing, err := b.signingProxy(ctx, work)
	if err != nil {
		return nil, err
	}
	bare, err := b.helper(ctx, "proxy", work)
	if err != nil {
		return nil, err
	}
	rate := func(address string) func() (float64, error) {
		t := plainGet(address, "/"+book)
		return func() (float64, error) { return t.throughput(ctx, connections, e.load) }
	}
	for _, warm := range []string{signing.address, bare} {
		if _, err := rate(warm)(); err != nil {
			return nil, err
		}
	}
	p, err := e.alternate(rate(signing.address), rate(bare))
	return []row{{
		fmt.Sprintf("furl proxy, %d connections, small GET", connections), p.rates(""),
		"≥ 80 %", atLeast(p.ratio, 0.8, 2),
		fmt.Sprintf("httputil.ReverseProxy before the same server: %s", perSecond(p.theirs)),
	}}, err
}

// measureProxyStream is how late the bytes of a streamed answer come.
func measureProxyStream(ctx context.Context, b *bench, e effort, work string) ([]row, error) {
	signing, err := b.signingProxy(ctx, work)
	if err != nil {
		return nil, err
	}
	var firsts, laters []float64
	for range streamCalls(e) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+signing.address+"/times", nil)
		if err != nil {
			return nil, err
		}
		late, err := lateness(r)
		if err != nil {
			return nil, err
		}
		firsts, laters = append(firsts, late[0]), append(laters, late[1:]...)
	}
	first := median(firsts)
	return []row{{
		"first streamed byte, furl proxy", took(first), "≤ 2 ms", first <= 2*float64(time.Millisecond),
		fmt.Sprintf("median of %d, from the moment the server wrote it; the bytes after it: %s", len(firsts),
			took(median(laters))),
	}}, nil
}

// bulkBytes is how much goes each way in measureProxyBulk.
const bulkBytes = 200_000_000

// measureProxyBulk is the memory that the proxy takes while much goes up and, beside it, much comes down.
func measureProxyBulk(ctx context.Context, b *bench, _ effort, work string) ([]row, error) {
	signing, err := b.signingProxy(ctx, work)
	if err != nil {
		return nil, err
	}
	exchange := func(method, path string, body io.Reader) error {
		r, err := http.NewRequestWithContext(ctx, method, "http://"+signing.address+path, body)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		if answer.StatusCode != http.StatusOK {
			err = errors.Join(err, fmt.Errorf("%s %s: %s", method, path, answer.Status))
		}
		return err
	}
	var faults [2]error
	var both sync.WaitGroup
	both.Go(func() { faults[0] = exchange(http.MethodPost, "/"+book, io.LimitReader(zeros{}, bulkBytes)) })
	both.Go(func() { faults[1] = exchange(http.MethodGet, "/bulk", nil) })
	both.Wait()
	if err := errors.Join(faults[:]...); err != nil {
		return nil, err
	}
	_, peak, err := signing.memory()
	return []row{{
		"furl proxy, 200 MB up and 200 MB down", megabytes(peak), "≤ 64 MB", peak <= 64<<20,
		"resident, at its peak, the program included",
	}}, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// measureProxyIdle is the memory that the proxy takes with many connections that have had one answer and are silent.
func measureProxyIdle(ctx context.Context, b *bench, _ effort, work string) ([]row, error) {
	const many = 10_000
	name := "furl proxy, 10,000 idle connections"
	signing, err := b.signingProxy(ctx, work)
	if err != nil {
		return nil, err
	}
	get := plainGet(signing.address, "/"+book)
	for n := range many {
		c, err := get.dial()
		if err == nil {
			defer c.close()
			err = errors.Join(c.conn.SetDeadline(time.Now().Add(patience)), c.call())
		}
		if err != nil {
			return []row{{name: name, measured: "not measured", against: fmt.Sprintf(
				"after %d: %v; it needs ulimit -n 20000", n, err)}}, nil
		}
	}
	now, _, err := signing.memory()
	return []row{{
		name, megabytes(now), "≤ 200 MB", now <= 200<<20, "resident, each after one answer",
	}}, err
}

// signingProxy starts furl proxy. Its log goes to nobody.
func (b *bench) signingProxy(ctx context.Context, upstream string) (*server, error) {
	program, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, "proxy", upstream, "--listen", address)
	command.Env = b.clientEnv(session)
	stop, err := start(command)
	if err != nil {
		return nil, err
	}
	b.atEnd(stop)
	if err := (target{address: address}).wait(ctx, func(*client) error { return nil }); err != nil {
		return nil, fmt.Errorf("furl proxy: %w", err)
	}
	return &server{address: address, pid: strconv.Itoa(command.Process.Pid)}, nil
}
