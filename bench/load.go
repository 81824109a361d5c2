//go:build unix

package main

import (
	"context"
	"fmt"
)

// measureLoad is how many calls several callers at one time get answered.
func measureLoad(ctx context.Context, b *bench, e effort) ([]row, error) {
	rows, err := measureGoLoad(ctx, b, e)
	if err != nil {
		return rows, err
	}
	for _, k := range interpreted {
		name := fmt.Sprintf("%d callers, %s function", e.callers, k.name)
		if !k.available() {
			rows = append(rows, row{name: name, measured: "not measured", against: k.needs + " is not on PATH"})
			continue
		}
		rate, err := measureInterpretedLoad(ctx, b, k, e)
		if err != nil {
			return rows, fmt.Errorf("%s function: %w", k.name, err)
		}
		rows = append(rows, row{name: name, measured: perSecond(rate)})
	}
	return rows, nil
}

// measureGoLoad compares with three other ways to the same page: a reverse proxy in front of the same function, the
// function's Runtime API by itself, and a reverse proxy in front of the page as a plain HTTP handler. Only the first
// does the same work. The second has no HTTP in front, the third no Runtime API behind.
func measureGoLoad(ctx context.Context, b *bench, e effort) ([]row, error) {
	end := b.nested()
	defer end()
	callee, err := b.deploy(ctx, goFunction)
	if err != nil {
		return nil, err
	}
	get, err := callee.get(ctx)
	if err != nil {
		return nil, err
	}
	floors, err := b.newFloors(ctx, e.callers)
	if err != nil {
		return nil, err
	}
	proxied := func(work string, err error) (target, error) {
		if err != nil {
			return target{}, err
		}
		address, err := b.helper(ctx, "proxy", "http://"+work)
		return target{address, get.request}, err // the same headers to read, which nobody there looks at
	}
	function, err := proxied(b.listen(floors))
	if err != nil {
		return nil, err
	}
	handler, err := proxied(b.helper(ctx, "serve"))
	if err != nil {
		return nil, err
	}
	rate := func(t target) func() (float64, error) {
		return func() (float64, error) { return t.throughput(ctx, e.callers, e.load) }
	}
	for _, warm := range []target{get, function, handler} {
		if _, err := rate(warm)(); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
		}
	}
	var rows []row
	for i, other := range []struct {
		what string
		rate func() (float64, error)
	}{
		{"httputil.ReverseProxy before the same function, with a bare Runtime API", rate(function)},
		{"that bare Runtime API by itself, without HTTP, signature, policy, log or limit",
			func() (float64, error) { return floors.throughput(e.load), nil }},
		{"httputil.ReverseProxy before the page as a plain handler, without a Runtime API", rate(handler)},
	} {
		p, err := e.alternate(rate(get), other.rate)
		if err != nil {
			return rows, err
		}
		r := row{
			name: fmt.Sprintf("%d callers, Go function", e.callers), measured: p.rates(""),
			against: fmt.Sprintf("%s: %s", other.what, perSecond(p.theirs)),
		}
		if i == 0 { // the one that does the same work
			r.target, r.met = "≥ 5000/s or ≥ 60 %", p.ours >= 5000 || atLeast(p.ratio, 0.6, 2)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// measureWebApp compares a web application behind a function URL, with signature and policy, with a reverse proxy in
// front of the same server: of as many processes, each asked for one page at a time as an environment is, and of one
// process that serves all callers.
func measureWebApp(ctx context.Context, b *bench, e effort) ([]row, error) {
	callee, err := b.deploy(ctx, webApp)
	if err != nil {
		return nil, err
	}
	get, err := callee.get(ctx)
	if err != nil {
		return nil, err
	}
	rate := func(t target) func() (float64, error) {
		return func() (float64, error) { return t.throughput(ctx, e.callers, e.load) }
	}
	if _, err := rate(get)(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
	}
	var rows []row
	for _, processes := range []int{e.callers, 1} {
		proxied, err := b.proxied(ctx, processes, get)
		if err != nil {
			return rows, err
		}
		if _, err := rate(proxied)(); err != nil {
			return rows, err
		}
		p, err := e.alternate(rate(get), rate(proxied))
		if err != nil {
			return rows, err
		}
		r := row{
			name: fmt.Sprintf("%d callers, web application", e.callers), measured: p.rates(""),
			against: fmt.Sprintf("httputil.ReverseProxy before %d of the same server: %s", processes, perSecond(p.theirs)),
		}
		if len(rows) == 0 { // the one that does the same work
			r.target, r.met = "≥ 60 %", atLeast(p.ratio, 0.6, 2)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// proxied is the same request, whose signature nobody looks at, to a reverse proxy before some servers.
func (b *bench) proxied(ctx context.Context, servers int, get target) (target, error) {
	args := []string{"proxy"}
	for range servers {
		work, err := b.helper(ctx, "serve")
		if err != nil {
			return target{}, err
		}
		args = append(args, "http://"+work)
	}
	address, err := b.helper(ctx, args...)
	return target{address, get.request}, err
}

func measureInterpretedLoad(ctx context.Context, b *bench, k kind, e effort) (float64, error) {
	end := b.nested()
	defer end()
	callee, err := b.deploy(ctx, k)
	if err != nil {
		return 0, err
	}
	get, err := callee.get(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := get.throughput(ctx, e.callers, e.load); err != nil { // starts the processes
		return 0, fmt.Errorf("%w\n%s", err, callee.server.log.String())
	}
	var rates []float64
	for range e.rounds {
		rate, err := get.throughput(ctx, e.callers, e.load)
		if err != nil {
			return 0, err
		}
		rates = append(rates, rate)
	}
	return median(rates), nil
}
