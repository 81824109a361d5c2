package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// Requests are the grants among the fixes of the audit's functions.
func (a Audit) Requests() (requests []setup.Request) {
	for _, function := range a.Functions {
		requests = append(requests, function.requests...)
	}
	return requests
}

// Grants plans those grants by what the audit has read, without asking anybody. left is what is wrong with functions that
// no grant mends, and the grants that cannot be made.
func (a Audit) Grants(ctx context.Context) (plans []*setup.Plan, left []string) {
	for _, function := range a.Functions {
		named := function.entry.Function
		owner := setup.Account{ID: named.Account, Region: named.Region, Functions: read{function.entry}}
		if owner.Partition = named.Partition(); owner.Partition == arn.AWS {
			owner.Partition = "" // as principals have it
		}
		for _, request := range function.requests {
			plan, err := (&setup.Granter{Owner: owner}).Grant(ctx, request)
			if err != nil {
				left = append(left, fmt.Sprintf("%s: %v", function.Function, err))
				continue
			}
			plans = append(plans, plan)
		}
		if function.Status != Problem {
			continue
		}
		if len(function.Fix) == 0 {
			left = append(left, function.Function+": "+function.Summary)
		}
		for _, fix := range function.Fix {
			if _, ok := requestOf(fix); !ok {
				left = append(left, function.Function+": "+fix)
			}
		}
	}
	return plans, left
}

// Profiles are the profiles that looked, by the accounts that they looked at.
func (a Audit) Profiles() map[string]string {
	profiles := map[string]string{}
	for _, function := range a.Functions {
		if profiles[function.Account] == "" {
			profiles[function.Account] = function.Profile
		}
	}
	return profiles
}

// requestOf is the grant that a fix makes; not ok if it is another command, or a sentence.
func requestOf(fix string) (request setup.Request, ok bool) {
	command, _, _ := strings.Cut(fix, "   #")
	words := snippet.Words(command)
	if len(words) < 3 || words[0] != "furl" || words[1] != "grant" {
		return request, false
	}
	request.Function = words[2]
	for i := 3; i+1 < len(words); i += 2 {
		switch words[i] {
		case "--to":
			request.Principal = words[i+1]
		case "--source-arn":
			request.SourceARN = words[i+1]
		}
	}
	return request, request.Principal != ""
}

// mend adds the grants among the fixes, with the flags that reach the same place in the commands.
func (f *AuditFunction) mend(e Entry, c *Checker) {
	f.entry = e
	for i, fix := range f.Fix {
		request, ok := requestOf(fix)
		same := func(other setup.Request) bool {
			return other.Principal == request.Principal && other.SourceARN == request.SourceARN
		}
		if ok && !slices.ContainsFunc(f.requests, same) {
			request.Function = f.Function
			f.requests = append(f.requests, request)
		}
		f.Fix[i] = (&run{Checker: c}).command(fix)
	}
}

// read is the function of an entry, as it was read.
type read struct{ entry Entry }

var _ setup.FunctionReader = read{}

func (r read) Function(_ context.Context, name lambda.ARN) (awsapi.Function, error) {
	return awsapi.Function{ARN: name}, nil
}

func (r read) URL(_ context.Context, name lambda.ARN) (awsapi.URL, error) {
	return awsapi.URL{Function: name, URLSettings: awsapi.URLSettings{AuthType: r.authType()}}, nil
}

// authType is the one that grants are for, if nobody saved which one the URL has.
func (r read) authType() lambda.AuthType {
	if r.entry.AuthType == "" {
		return lambda.AuthIAM
	}
	return r.entry.AuthType
}

func (r read) Policy(_ context.Context, name arn.Function) (string, error) {
	if r.entry.Fault == nil && r.entry.Policy == "" {
		return "", &awsapi.Error{Kind: awsapi.NotFound, Message: name.String() + " has no policy"}
	}
	return r.entry.Policy, r.entry.Fault
}
