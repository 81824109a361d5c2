//go:build unix

package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
)

// mostVersions is how many versions of a function the page shows.
const mostVersions = 100

// Concurrency is what the console reads of an invoke.Service.
type Concurrency interface {
	// Limit is how many invocations of a function may run at one time, 0 for no limit, and whether it has reserved them.
	Limit(*lambda.Function) (limit int, reserved bool)
	// Provisioned is how many environments of a version or alias are ready, and whether one failed to initialize.
	Provisioned(lambda.ARN) (ready int, failed bool)
}

// Pool is what the console reads of a runtime.Pool.
type Pool interface {
	Occupancy(account, region, name string) runtime.Occupancy
}

type functionLine struct {
	ARN     string        `json:"arn"`
	Name    string        `json:"name"`
	Account string        `json:"account"`
	Region  string        `json:"region"`
	Runtime string        `json:"runtime"`
	State   string        `json:"state"`
	URLs    []functionURL `json:"urls"`
	Calls   int           `json:"calls"`
	Errors  int           `json:"errors"`
}

type functionURL struct {
	Qualifier  string            `json:"qualifier"`
	URL        string            `json:"url"`
	AuthType   lambda.AuthType   `json:"authType"`
	InvokeMode lambda.InvokeMode `json:"invokeMode"`
}

type functionDetail struct {
	functionLine
	Handler      string              `json:"handler"`
	Role         string              `json:"role"`
	Memory       int                 `json:"memory"`
	Timeout      float64             `json:"timeout"`
	Description  string              `json:"description"`
	Modified     time.Time           `json:"modified"`
	Layers       []string            `json:"layers"`
	CodeDir      string              `json:"codeDir,omitempty"`
	Upstream     string              `json:"upstream,omitempty"`
	Versions     []functionVersion   `json:"versions"`
	Aliases      []functionAlias     `json:"aliases"`
	Environments []environments      `json:"environments"`
	Concurrency  functionConcurrency `json:"concurrency"`
	Traffic      functionTraffic     `json:"traffic"`
}

type functionVersion struct {
	Version     string    `json:"version"`
	Description string    `json:"description"`
	Modified    time.Time `json:"modified"`
	SHA256      string    `json:"sha256"`
}

type functionAlias struct {
	Name    string        `json:"name"`
	Weights []aliasWeight `json:"weights"`
}

type aliasWeight struct {
	Version string  `json:"version"`
	Weight  float64 `json:"weight"`
}

type environments struct {
	Version string       `json:"version"`
	Stages  []stageCount `json:"stages"`
}

type stageCount struct {
	Stage string `json:"stage"`
	Count int    `json:"count"`
}

type functionConcurrency struct {
	InUse       int                   `json:"inUse"`
	Limit       int                   `json:"limit"`
	Reserved    bool                  `json:"reserved"`
	Provisioned []functionProvisioned `json:"provisioned"`
}

type functionProvisioned struct {
	Qualifier string `json:"qualifier"`
	Requested int    `json:"requested"`
	Available int    `json:"available"`
	Status    string `json:"status"`
}

type functionTraffic struct {
	From    time.Time `json:"from"`
	Seconds int       `json:"seconds"`
	Calls   []int     `json:"calls"`
	Errors  []int     `json:"errors"`
	P50     []int64   `json:"p50"`
	P99     []int64   `json:"p99"`
}

func (c *Console) functionRoutes() []route {
	return []route{
		{pattern: "GET /functions", answer: c.listFunctions},
		{pattern: "GET /function", answer: c.getFunction},
	}
}

func (c *Console) listFunctions(r *http.Request) (any, error) {
	query := r.URL.Query()
	list, err := listingOf(query)
	if err != nil {
		return nil, err
	}
	account, region := query.Get("account"), query.Get("region")
	world, now := c.State.Now(), c.Now()
	found, total := inView(list, c.functionsOf(world), func(f *lambda.Function) bool {
		return (account == "" || f.ARN.Account == account) && (region == "" || f.ARN.Region == region)
	})
	lines := make([]functionLine, 0, len(found))
	for _, function := range found {
		lines = append(lines, c.functionLine(world, function, now))
	}
	return struct {
		Functions []functionLine `json:"functions"`
		Total     int            `json:"total"`
	}{lines, total}, nil
}

// functionsOf are all functions, by name.
func (c *Console) functionsOf(world *state.Snapshot) []entry[*lambda.Function] {
	return c.functions.of(world.Functions.Table, func(f *lambda.Function) (order, text string) {
		text = f.ARN.String()
		for _, url := range f.URLs {
			text += " " + url.ID
		}
		return f.ARN.Name + "\x00" + f.ARN.Account + f.ARN.Region, text
	})
}

func (c *Console) functionLine(world *state.Snapshot, function *lambda.Function, now time.Time) functionLine {
	at := function.ARN
	line := functionLine{
		ARN: at.String(), Name: at.Name, Account: at.Account, Region: at.Region, Runtime: function.Runtime, State: "Active",
		URLs: []functionURL{},
	}
	if function.Upstream != "" {
		line.Runtime = "upstream"
	}
	for qualifier, config := range function.URLs {
		alias := at
		alias.Qualifier = qualifier
		if _, exists := world.Alias(alias); qualifier != "" && !exists {
			continue // its alias was deleted, and the URL answers nobody
		}
		line.URLs = append(line.URLs, functionURL{qualifier, c.FunctionURL(config.ID, at.Region), config.AuthType, config.Mode()})
	}
	slices.SortFunc(line.URLs, func(a, b functionURL) int { return cmp.Compare(a.Qualifier, b.Qualifier) })
	line.Calls, line.Errors = c.Traffic.Totals(at, now)
	return line
}

func (c *Console) getFunction(r *http.Request) (any, error) {
	text := r.URL.Query().Get("arn")
	name, err := arn.ParseFunctionARN(text)
	if err != nil {
		return nil, &Fault{http.StatusNotFound, fmt.Sprintf(
			"arn: %.256q is not the ARN of a function; GET /_furl/v1/functions lists them", text)}
	}
	world, now := c.State.Now(), c.Now()
	function, ok := world.Function(name)
	if !ok {
		return nil, &Fault{http.StatusNotFound, fmt.Sprintf(
			"there is no function %.256q; GET /_furl/v1/functions lists them", text)}
	}
	detail := &functionDetail{
		functionLine: c.functionLine(world, function, now),
		Handler:      function.Handler, Role: function.Role, Memory: function.MemoryMB, Timeout: function.Timeout.Seconds(),
		Description: function.Description, Modified: function.LastModified.UTC(), Layers: []string{},
		CodeDir: function.CodeDir, Upstream: function.Upstream,
		Versions: []functionVersion{}, Aliases: []functionAlias{},
		Concurrency: c.concurrency(function), Traffic: c.traffic(function.ARN, now),
	}
	for _, layer := range function.Layers {
		detail.Layers = append(detail.Layers, layer.ARN)
	}
	for _, version := range slices.Backward(world.VersionsOf(function.ARN)) {
		if len(detail.Versions) == mostVersions {
			break
		}
		detail.Versions = append(detail.Versions, functionVersion{
			version.ARN.Qualifier, version.Description, version.LastModified.UTC(), version.CodeSHA256,
		})
	}
	for _, alias := range world.AliasesOf(function.ARN) {
		detail.Aliases = append(detail.Aliases, functionAlias{alias.ARN.Qualifier, weightsOf(alias)})
	}
	occupancy := c.Pool.Occupancy(name.Account, name.Region, name.Name)
	detail.Concurrency.InUse = occupancy.InUse
	detail.Environments = byVersion(occupancy.Stages)
	return detail, nil
}

// weightsOf are the versions of an alias, the one with the most calls first.
func weightsOf(alias *lambda.Alias) []aliasWeight {
	rest := 1.0
	weights := []aliasWeight{}
	for version, weight := range alias.Weights {
		weights = append(weights, aliasWeight{version, weight})
		rest -= weight
	}
	weights = append(weights, aliasWeight{alias.Target, rest})
	slices.SortFunc(weights, func(a, b aliasWeight) int { return cmp.Compare(b.Weight, a.Weight) })
	return weights
}

func byVersion(counts []runtime.StageCount) []environments {
	found := []environments{}
	for _, one := range counts {
		if n := len(found); n == 0 || found[n-1].Version != one.Version {
			found = append(found, environments{Version: one.Version})
		}
		last := &found[len(found)-1]
		last.Stages = append(last.Stages, stageCount{one.Stage, one.Count})
	}
	return found
}

func (c *Console) concurrency(function *lambda.Function) functionConcurrency {
	found := functionConcurrency{Provisioned: []functionProvisioned{}}
	found.Limit, found.Reserved = c.Concurrency.Limit(function)
	for qualifier, provisioned := range function.Provisioned {
		name := function.ARN
		name.Qualifier = qualifier
		ready, failed := c.Concurrency.Provisioned(name)
		one := functionProvisioned{qualifier, provisioned.Concurrency, min(ready, provisioned.Concurrency), "IN_PROGRESS"}
		switch { // as the Lambda API says it
		case ready >= provisioned.Concurrency:
			one.Status = "READY"
		case failed:
			one.Status = "FAILED"
		}
		found.Provisioned = append(found.Provisioned, one)
	}
	slices.SortFunc(found.Provisioned, func(a, b functionProvisioned) int { return cmp.Compare(a.Qualifier, b.Qualifier) })
	return found
}

func (c *Console) traffic(name lambda.ARN, now time.Time) functionTraffic {
	plot := c.Traffic.Plot(name, now)
	return functionTraffic{plot.From, int(invoke.TrafficInterval / time.Second), plot.Calls, plot.Errors, plot.P50, plot.P99}
}
