package main

import (
	"context"
	"fmt"
)

// measureLoad is how many calls several callers at one time get answered.
func measureLoad(ctx context.Context, b *bench, e effort) ([]row, error) {
	var rows []row
	for _, measure := range []func(context.Context, *bench, effort) (row, error){measureGoLoad, measureFloorLoad} {
		measured, err := measure(ctx, b, e)
		if err != nil {
			return rows, err
		}
		rows = append(rows, measured)
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

// measureGoLoad compares with a reverse proxy in front of an HTTP server that makes the same page.
func measureGoLoad(ctx context.Context, b *bench, e effort) (row, error) {
	end := b.nested()
	defer end()
	callee, err := b.deploy(ctx, goFunction)
	if err != nil {
		return row{}, err
	}
	get, err := callee.get(ctx)
	if err != nil {
		return row{}, err
	}
	proxied, err := b.proxied(ctx, get)
	if err != nil {
		return row{}, err
	}
	rate := func(t target) func() (float64, error) {
		return func() (float64, error) { return t.throughput(ctx, e.callers, e.load) }
	}
	for _, warm := range []target{get, proxied} {
		if _, err := rate(warm)(); err != nil {
			return row{}, fmt.Errorf("%w\n%s", err, callee.server.log.String())
		}
	}
	p, err := e.alternate(rate(get), rate(proxied))
	if err != nil {
		return row{}, err
	}
	return row{
		fmt.Sprintf("%d callers, Go function", e.callers), fmt.Sprintf("%s, %s", perSecond(p.ours), percent(p.ratio)), "≥ 5000/s or ≥ 60 %",
		p.ours >= 5000 || p.ratio >= 0.6, fmt.Sprintf("httputil.ReverseProxy before the same work: %s", perSecond(p.theirs)),
	}, nil
}

// measureFloorLoad is the most that the same functions can do on this machine, whoever calls them.
func measureFloorLoad(ctx context.Context, b *bench, e effort) (row, error) {
	end := b.nested()
	defer end()
	var floors []*floor
	for range e.callers {
		bare, err := b.newFloor(ctx)
		if err != nil {
			return row{}, err
		}
		floors = append(floors, bare)
	}
	floorThroughput(floors, e.load)
	var rates []float64
	for range e.rounds {
		rates = append(rates, floorThroughput(floors, e.load))
	}
	return row{
		name:     fmt.Sprintf("%d callers, Go function, bare Runtime API", e.callers),
		measured: perSecond(median(rates)), against: "without HTTP, signature, policy, log or limit: the ceiling of this machine",
	}, nil
}

// proxied is the same request to the proxy: the same headers to read, which nobody there looks at.
func (b *bench) proxied(ctx context.Context, signed target) (target, error) {
	work, err := b.helper(ctx, "serve")
	if err != nil {
		return target{}, err
	}
	address, err := b.helper(ctx, "proxy", "http://"+work)
	return target{address, signed.request}, err
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
