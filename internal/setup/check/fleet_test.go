package check_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
)

// crowd is a region with many functions, each with a URL and without a policy.
type crowd struct {
	region         string
	size           int
	urls, policies error // of all calls
	cut            error // after the functions
	calls          atomic.Int32
}

func (c *crowd) arn(i int) lambda.ARN {
	return lambda.ARN{Region: c.region, Account: "111122223333", Name: fmt.Sprintf("f%03d", i)}
}

func (c *crowd) Functions(context.Context) iter.Seq2[awsapi.Function, error] {
	return func(yield func(awsapi.Function, error) bool) {
		for i := range c.size {
			if !yield(awsapi.Function{ARN: c.arn(i)}, nil) {
				return
			}
		}
		if c.cut != nil {
			yield(awsapi.Function{}, c.cut)
		}
	}
}

func (c *crowd) URLs(_ context.Context, arn lambda.ARN) ([]awsapi.URL, error) {
	c.calls.Add(1)
	if c.urls != nil {
		return nil, c.urls
	}
	return []awsapi.URL{{Function: arn, Address: "https://x/", URLSettings: awsapi.URLSettings{AuthType: lambda.AuthIAM}}}, nil
}

func (c *crowd) Policy(context.Context, lambda.ARN) (string, error) {
	c.calls.Add(1)
	if c.policies != nil {
		return "", c.policies
	}
	return "", &awsapi.Error{Kind: awsapi.NotFound}
}

func (c *crowd) checker(profile string) *check.Checker {
	return &check.Checker{Owner: &check.Side{Profile: profile, Region: c.region, Functions: c}}
}

// URL and Function are asked of by nobody here.
func (c *crowd) URL(context.Context, lambda.ARN) (awsapi.URL, error) {
	return awsapi.URL{}, &awsapi.Error{Kind: awsapi.NotFound}
}

func (c *crowd) Function(context.Context, lambda.ARN) (awsapi.Function, error) {
	return awsapi.Function{}, &awsapi.Error{Kind: awsapi.NotFound}
}

// The functions come in the order of the regions and of the API, however the looks at them end, and each is told of.
func TestOrderOfAFleet(t *testing.T) {
	one, two := &crowd{region: "us-east-1", size: 70}, &crowd{region: "eu-west-1", size: 50}
	var last [2]int
	fleet := &check.Fleet{
		Checkers: []*check.Checker{one.checker(""), two.checker("")},
		Progress: func(done, known int) {
			if done < last[0] || known < last[1] || done > known {
				t.Errorf("%d of %d after %v", done, known, last)
			}
			last = [2]int{done, known}
		},
	}
	audit, err := fleet.Audit(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, function := range audit.Functions {
		got = append(got, function.Function)
	}
	for _, c := range []*crowd{one, two} {
		for i := range c.size {
			want = append(want, c.arn(i).String())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || last != [2]int{120, 120} {
		t.Errorf("%v: %s", last, diff)
	}
}

// A look that fails as all others will is not made for each of hundreds of functions: none of them is ok.
func TestFleetGivesUpOnARegion(t *testing.T) {
	for _, kind := range []awsapi.Kind{awsapi.Unreachable, awsapi.Limit, awsapi.BadCredentials} {
		for _, c := range []*crowd{
			{region: "us-east-1", size: 500, urls: &awsapi.Error{Kind: kind, Message: "no"}},
			{region: "us-east-1", size: 500, policies: &awsapi.Error{Kind: kind, Message: "no"}},
		} {
			audit, err := c.checker("").All(t.Context(), nil)
			if err != nil || audit.Counts.CouldNotLook != 500 || audit.Verdict != check.Undecided {
				t.Errorf("%+v, %v", audit.Counts, err)
			}
			if calls := c.calls.Load(); calls > 100 {
				t.Errorf("%d calls of kind %d", calls, kind)
			}
		}
	}
	denied := &crowd{region: "us-east-1", size: 200, urls: &awsapi.Error{Kind: awsapi.Denied, Action: "lambda:ListFunctionUrlConfigs"}}
	audit, err := denied.checker("").All(t.Context(), nil)
	if err != nil || denied.calls.Load() != 200 || audit.Functions[199].Missing != "lambda:ListFunctionUrlConfigs" {
		t.Errorf("a denial may be of one function: %d calls, %v", denied.calls.Load(), err)
	}
}

// A list that breaks off leaves the functions that it had, and the region is one that could not be looked at.
func TestListThatBreaksOff(t *testing.T) {
	c := &crowd{region: "us-east-1", size: 3, cut: &awsapi.Error{Kind: awsapi.Limit, Action: "lambda:ListFunctions", Message: "Rate exceeded"}}
	audit, err := c.checker("").All(t.Context(), nil)
	if err != nil || len(audit.Functions) != 3 || audit.Counts.Unseen != 1 || audit.Verdict != check.Undecided ||
		!strings.HasSuffix(audit.Counts.Sentence(), "; 1 region could not be looked at") {
		t.Errorf("%+v, %v", audit, err)
	}
}

// A canceled check says so, and is no audit of half the functions.
func TestCanceledFleet(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{region: "us-east-1", size: 300}
	fleet := &check.Fleet{Checkers: []*check.Checker{c.checker("")}, Progress: func(done, _ int) {
		if done == 10 {
			cancel()
		}
	}}
	if audit, err := fleet.Audit(ctx, nil); err == nil || c.calls.Load() > 200 {
		t.Errorf("%d calls, %v: %v", c.calls.Load(), err, audit.Counts)
	}
}

// Quiet leaves out what is fine, and counts it.
func TestQuietAudit(t *testing.T) {
	c := &crowd{region: "us-east-1", size: 3}
	audit, err := c.checker("").All(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	quiet := audit.Quiet()
	if len(quiet.Functions) != 0 || len(quiet.Notes) != 0 || quiet.Counts != audit.Counts || len(audit.Functions) != 3 {
		t.Errorf("%+v of %+v", quiet, audit)
	}
	if !slices.ContainsFunc(audit.Notes, func(note string) bool { return strings.Contains(note, "--callers") }) {
		t.Errorf("%q", audit.Notes)
	}
}
