//go:build unix

package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/pages"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
)

// logSink keeps what functions write, under the function's key.
type logSink struct{ logs *logs.Store }

// WriteLog implements runtime.LogSink.
func (s logSink) WriteLog(line runtime.LogLine) {
	stream := logs.Stdout
	if line.Kind == runtime.LogPlatform {
		stream = logs.Platform
	}
	arn := lambda.ARN{Region: line.Function.Region, Account: line.Function.AccountID, Name: line.Function.Name}
	version := strings.TrimPrefix(line.Function.Version, lambda.Latest)
	s.logs.Append(arn.Key(), logs.Line{
		Time: line.Time, Stream: stream, Version: version, RequestID: line.RequestID, Text: string(line.Text),
	})
}

// functionLogs finds the logs of functions.
type functionLogs struct{ *Server }

var _ pages.Functions = functionLogs{}

// FindLog implements pages.Functions. A region and an account that are given, with the name or in it, have to be the
// function's; those of an ARN count. What is left open is the server's own, or that of the only function of the name.
// With only, functions of other accounts do not exist. A qualifier stands for the versions that it leads to now.
func (s functionLogs) FindLog(name, region, account, only string) (pages.FunctionLog, error) {
	if full, err := arn.ParseFunctionARN(name); err == nil {
		region, account = full.Region, cmp.Or(account, full.Account)
	}
	wanted, err := arn.ParseFunction(name, region, account)
	if err != nil {
		return pages.FunctionLog{}, err
	}
	function, err := s.findLog(name, wanted, only)
	log := s.logOf(function)
	if err != nil || wanted.Qualifier == "" {
		return log, err
	}
	function.Qualifier = wanted.Qualifier
	found, err := resolve.Find(s.state.Now(), function)
	if err != nil {
		return log, fmt.Errorf("no log of %q: %w; `aws lambda list-versions-by-function --function-name %s` and "+
			"`aws lambda list-aliases --function-name %[3]s` list those that there are", name, err, wanted.Name)
	}
	for _, share := range found.Shares() {
		log.Versions = append(log.Versions, strings.TrimPrefix(share.Version.Number, lambda.Latest))
	}
	return log, nil
}

// Logs implements pages.Functions.
func (s functionLogs) Logs(region, account, only string) []pages.FunctionLog {
	var all []pages.FunctionLog
	for _, function := range s.state.Now().Functions.All() {
		at := function.ARN
		if (region == "" || region == at.Region) && (account == "" || account == at.Account) && (only == "" || only == at.Account) {
			all = append(all, s.logOf(at))
		}
	}
	return all
}

// logOf is the log of a function.
func (s functionLogs) logOf(function lambda.ARN) pages.FunctionLog {
	name := function.Name
	if function.Region != s.config.Region || function.Account != s.config.Accounts[0] {
		name = function.String()
	}
	return pages.FunctionLog{Key: function.Key(), Name: name}
}

// findLog is the function that the name stands for.
func (s functionLogs) findLog(name string, wanted lambda.ARN, only string) (lambda.ARN, error) {
	if only != "" && wanted.Account != "" && wanted.Account != only {
		return lambda.ARN{}, fmt.Errorf("no log of %q: a signature shows the logs of account %s alone, and the page token shows all",
			name, only)
	}
	world := s.state.Now()
	own := wanted.Unqualified()
	own.Region, own.Account = cmp.Or(own.Region, s.config.Region), cmp.Or(own.Account, only, s.config.Accounts[0])
	if _, ok := world.Function(own); ok {
		return own, nil
	}
	var fitting, others []lambda.ARN
	for _, function := range world.Functions.All() {
		switch arn := function.ARN; {
		case arn.Name != wanted.Name, only != "" && arn.Account != only:
		case wanted.Region != "" && arn.Region != wanted.Region, wanted.Account != "" && arn.Account != wanted.Account:
			others = append(others, arn)
		default:
			fitting = append(fitting, arn)
		}
	}
	switch {
	case len(fitting) == 1:
		return fitting[0], nil
	case len(fitting) > 1:
		return lambda.ARN{}, fmt.Errorf("%d functions %q: say which, %s", len(fitting), name, list(fitting))
	case len(others) > 0:
		return lambda.ARN{}, fmt.Errorf("no function %q%s; there is %s", name, looked(name, wanted), list(others))
	default:
		return lambda.ARN{}, fmt.Errorf("no function %q; `aws lambda list-functions` lists those of a region", name)
	}
}

// looked says where a function was looked for, if its name does not.
func looked(name string, wanted lambda.ARN) string {
	var places []string
	if wanted.Region != "" {
		places = append(places, wanted.Region)
	}
	if wanted.Account != "" {
		places = append(places, "account "+wanted.Account)
	}
	if name != wanted.Name || places == nil {
		return ""
	}
	return " in " + strings.Join(places, ", ")
}

// list is some ARNs, in order.
func list(arns []lambda.ARN) string {
	const enough = 10
	var names []string
	for _, arn := range arns {
		names = append(names, arn.String())
	}
	slices.Sort(names)
	if len(names) > enough {
		names = append(names[:enough], "…")
	}
	return strings.Join(names, ", ")
}
