//go:build unix

package lambdaapi_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

const (
	putReserved = "/2017-10-31/functions/"
	getReserved = "/2019-09-30/functions/"
)

// untyped is an invalid parameter whose error has no Type.
func untyped(message string) fault {
	return fault{400, "InvalidParameterValueException", `{"message":` + quote(message) + `}`}
}

// publish gives a function the versions 1 to n, and aliases as NAME=VERSION.
func (s *server) publish(name string, n int, aliases ...string) {
	s.t.Helper()
	function := s.function(name)
	s.update(func(tx *state.Tx) error {
		var all []error
		for i := range n {
			arn := function.ARN
			arn.Qualifier = strconv.Itoa(i + 1)
			all = append(all, tx.Put(&lambda.Version{ARN: arn, Configuration: function.Configuration}))
		}
		for _, alias := range aliases {
			arn := function.ARN
			qualifier, target, _ := strings.Cut(alias, "=")
			arn.Qualifier = qualifier
			all = append(all, tx.Put(&lambda.Alias{ARN: arn, Target: target}))
		}
		return errors.Join(all...)
	})
}

// The texts are those of LocalStack's snapshots of test_lambda_concurrency_crud and test_lambda_concurrency_limits.
func TestReservedConcurrency(t *testing.T) {
	s := start(t)
	s.create("books")
	s.create("other")
	reserve := func(name, value string) request {
		return request{method: "PUT", path: putReserved + name + "/concurrency", body: `{"ReservedConcurrentExecutions":` + value + `}`}
	}
	if got := s.must(reserve("books", "5")); got.status != 200 || got.body != `{"ReservedConcurrentExecutions":5}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.must(request{method: "GET", path: getReserved + "books/concurrency"}); got.body != `{"ReservedConcurrentExecutions":5}` {
		t.Error(got.body)
	}
	if got := s.must(request{method: "GET", path: "/2015-03-31/functions/books"}); !strings.Contains(got.body, `"Concurrency":{"ReservedConcurrentExecutions":5}`) {
		t.Error(got.body)
	}
	if got := s.must(request{method: "GET", path: "/2015-03-31/functions/books/configuration"}); strings.Contains(got.body, "Concurrency") {
		t.Error(got.body)
	}
	if got := s.must(request{method: "GET", path: "/2016-08-19/account-settings"}); !strings.Contains(got.body, `"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":995`) {
		t.Error(got.body)
	}
	below := untyped("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	s.expect(reserve("other", "896"), below)
	s.expect(reserve("other", "100000"), below)
	s.must(reserve("other", "895"))
	s.expect(reserve("books", "6"), below)
	s.must(reserve("books", "0"))
	qualified := invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	for _, name := range []string{"books:1", "books:live", prefix + "books:live"} {
		s.expect(reserve(name, "1"), qualified)
		s.expect(request{method: "GET", path: getReserved + name + "/concurrency"}, qualified)
		s.expect(request{method: "DELETE", path: putReserved + name + "/concurrency"}, qualified)
	}
	s.expect(reserve("none", "1"), missing("Function not found: "+prefix+"none:$LATEST"))
	s.expect(reserve("none", "100000"), missing("Function not found: "+prefix+"none:$LATEST"))
	s.expect(request{method: "GET", path: getReserved + "none/concurrency"}, missing("Function not found: "+prefix+"none"))
	for range 2 {
		if got := s.must(request{method: "DELETE", path: putReserved + "books/concurrency"}); got.status != 204 || got.body != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if got := s.must(request{method: "GET", path: getReserved + "books/concurrency"}); got.body != `{}` {
		t.Error(got.body)
	}
	s.must(request{method: "DELETE", path: "/2015-03-31/functions/other"})
	s.must(reserve("books", "900")) // a deleted function gives back what it had
}

// The texts are those of LocalStack's snapshots of TestLambdaProvisionedConcurrency.
func TestProvisionedConcurrency(t *testing.T) {
	s := start(t)
	s.create("books")
	s.publish("books", 2, "live=1", "next=2", "newest=$LATEST")
	path := func(name, query string) string { return getReserved + name + "/provisioned-concurrency?" + query }
	put := func(name, qualifier, n string) request {
		return request{method: "PUT", path: path(name, "Qualifier="+qualifier), body: `{"ProvisionedConcurrentExecutions":` + n + `}`}
	}
	get := func(name, qualifier string) request {
		return request{method: "GET", path: path(name, "Qualifier="+qualifier)}
	}
	remove := func(name, qualifier string) request {
		return request{method: "DELETE", path: path(name, "Qualifier="+qualifier)}
	}

	s.expect(put("books", "1", "0"), violates("1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1"))
	s.expect(put("books", "$LATEST", "1"), invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions."))
	s.expect(put("books", "newest", "1"), invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions."))
	s.expect(get("books", "$LATEST"), invalid("The function resource provided must be an alias or a published version."))
	s.expect(remove("books", "$LATEST"), invalid("The function resource provided must be an alias or a published version."))
	s.expect(put("books", "gone", "1"), missing("Cannot find alias arn: "+prefix+"books:gone"))
	s.expect(put("none", "gone", "1"), missing("Cannot find alias arn: "+prefix+"none:gone"))
	s.expect(put("books", "10", "1"), missing("Function not found: "+prefix+"books:10"))
	absent := fault{404, "ProvisionedConcurrencyConfigNotFoundException", `{"Type":"User","message":"No Provisioned Concurrency Config found for this function"}`}
	s.expect(get("books", "1"), absent)
	s.must(remove("books", "1"))
	if got := s.must(request{method: "GET", path: path("books", "List=ALL")}); got.body != `{"ProvisionedConcurrencyConfigs":[]}` {
		t.Error(got.body)
	}
	s.expect(request{method: "GET", path: path("none", "List=ALL")}, missing("Function not found: "+prefix+"none"))

	revision := func() string {
		return member(t, s.must(request{method: "GET", path: "/2015-03-31/functions/books/configuration?Qualifier=1"}).body, "RevisionId")
	}
	before := revision()
	begun := s.must(put("books", "live", "2"))
	if after := revision(); after == before || after == "" {
		t.Errorf("the provisioned version has revision %q after %q", after, before)
	}
	if begun.status != 202 || !strings.HasPrefix(begun.body, `{"RequestedProvisionedConcurrentExecutions":2,"AvailableProvisionedConcurrentExecutions":0,"AllocatedProvisionedConcurrentExecutions":0,"Status":"IN_PROGRESS","LastModified":"`) {
		t.Errorf("%d %s", begun.status, begun.body)
	}
	s.expect(put("books", "1", "1"), conflicts("Version is pointed by a Provisioned Concurrency alias"))
	s.must(put("books", "2", "1"))
	s.expect(put("books", "next", "1"), conflicts("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"))
	for _, test := range []struct {
		ready  int
		failed bool
		want   string
	}{
		{0, false, `"AvailableProvisionedConcurrentExecutions":0,"AllocatedProvisionedConcurrentExecutions":0,"Status":"IN_PROGRESS"`},
		{1, false, `"AvailableProvisionedConcurrentExecutions":1,"AllocatedProvisionedConcurrentExecutions":1,"Status":"IN_PROGRESS"`},
		{2, false, `"AvailableProvisionedConcurrentExecutions":2,"AllocatedProvisionedConcurrentExecutions":2,"Status":"READY"`},
		{3, false, `"AvailableProvisionedConcurrentExecutions":2,"AllocatedProvisionedConcurrentExecutions":2,"Status":"READY"`}, // another alias has one of them
		{0, true, `"Status":"FAILED","StatusReason":"FUNCTION_ERROR_INIT_FAILURE"`},
	} {
		s.invoker.ready, s.invoker.failed = test.ready, test.failed
		if got := s.must(get("books", "live")); !strings.Contains(got.body, test.want) {
			t.Errorf("%s, want %s", got.body, test.want)
		}
	}
	list := s.must(request{method: "GET", path: path("books", "List=ALL")}).body
	if strings.Count(list, `"FunctionArn"`) != 2 || !strings.Contains(list, `"FunctionArn":"`+prefix+`books:2"`) || !strings.Contains(list, `"FunctionArn":"`+prefix+`books:live"`) {
		t.Error(list)
	}

	reserve := func(n string) request {
		return request{method: "PUT", path: putReserved + "books/concurrency", body: `{"ReservedConcurrentExecutions":` + n + `}`}
	}
	s.expect(reserve("2"), untyped(" ReservedConcurrentExecutions  2 should not be lower than function's total provisioned concurrency [3]."))
	s.must(reserve("3"))
	s.expect(put("books", "live", "3"), invalid("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"))
	s.must(request{method: "DELETE", path: putReserved + "books/concurrency"})
	s.expect(put("books", "live", "1000"), untyped("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [999]."))
	s.expect(put("books", "live", "900"), untyped("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."))
	s.must(put("books", "live", "899"))
	s.must(remove("books", "live"))
	s.expect(get("books", "live"), absent)
	if diff := cmp.Diff([]string{prefix + "books:live", prefix + "books:2"}, s.invoker.provisioned[1:3]); diff != "" {
		t.Error(diff)
	}
}

// The texts are those of LocalStack's snapshots of TestLambdaEventInvokeConfig.
func TestEventInvokeConfig(t *testing.T) {
	s := start(t)
	s.create("books")
	s.create("other")
	s.publish("books", 1, "live=1")
	path := func(name, query string) string {
		return "/2019-09-25/functions/" + name + "/event-invoke-config" + query
	}
	send := func(method, name, query, body string) request {
		return request{method: method, path: path(name, query), body: body}
	}
	const retries = `{"MaximumRetryAttempts":1}`
	s.expect(send("PUT", "books", "", `{}`), invalid("You must specify at least one of error handling or destination setting."))
	for _, method := range []string{"PUT", "POST"} {
		for _, name := range []string{"none", "books:gone", "books:7"} {
			s.expect(send(method, name, "", retries), missing("The function doesn't exist."))
		}
	}
	without := func(qualified string) fault {
		return missing("The function " + prefix + qualified + " doesn't have an EventInvokeConfig")
	}
	s.expect(send("GET", "books", "", ""), without("books:$LATEST"))
	s.expect(send("POST", "books", "", retries), without("books:$LATEST"))
	s.expect(send("DELETE", "books", "?Qualifier=live", ""), without("books:live"))
	s.expect(send("GET", "none", "", ""), without("none:$LATEST"))

	shown := func(r request) string {
		t.Helper()
		body := s.must(r).body
		before, after, _ := strings.Cut(body, `"LastModified":`)
		seconds, rest, _ := strings.Cut(after, ",")
		if _, err := strconv.ParseFloat(strings.TrimSuffix(seconds, "}"), 64); err != nil {
			t.Errorf("LastModified is not a number: %s", body)
		}
		return strings.TrimSuffix(before, ",") + "," + rest
	}
	expect := func(r request, want string) {
		t.Helper()
		if got := shown(r); got != want {
			t.Errorf("%s %s %s:\n got %s\nwant %s", r.method, r.path, r.body, got, want)
		}
	}
	const nowhere = `{"DestinationConfig":{"OnFailure":{},"OnSuccess":{}},"FunctionArn":"` + prefix
	expect(send("PUT", "books", "", `{"MaximumRetryAttempts":1,"MaximumEventAgeInSeconds":60}`),
		nowhere+`books:$LATEST","MaximumEventAgeInSeconds":60,"MaximumRetryAttempts":1}`)
	expect(send("POST", "books", "?Qualifier=$LATEST", `{"MaximumRetryAttempts":0}`),
		nowhere+`books:$LATEST","MaximumEventAgeInSeconds":60,"MaximumRetryAttempts":0}`)
	expect(send("PUT", "books", "", `{"MaximumRetryAttempts":2}`), nowhere+`books:$LATEST","MaximumRetryAttempts":2}`)
	expect(send("GET", "books", "", ""), nowhere+`books:$LATEST","MaximumRetryAttempts":2}`)
	const bus = "arn:aws:events:" + region + ":" + account + ":event-bus/default"
	expect(send("PUT", "books", "?Qualifier=live", `{"DestinationConfig":{"OnSuccess":{"Destination":"`+prefix+`other"},"OnFailure":{"Destination":"`+bus+`"}}}`),
		`{"DestinationConfig":{"OnFailure":{"Destination":"`+bus+`"},"OnSuccess":{"Destination":"`+prefix+`other"}},"FunctionArn":"`+prefix+`books:live",`)
	s.must(send("PUT", "books", "?Qualifier=1", retries))

	to := func(destination string) request {
		return send("PUT", "books", "", `{"DestinationConfig":{"OnSuccess":{"Destination":"`+destination+`"}}}`)
	}
	s.expect(to(prefix+"none"), invalid("The destination ARN "+prefix+"none is invalid."))
	s.expect(to(prefix+"books"), invalid("You can't specify the function as a destination for itself."))
	s.expect(to("arn:aws:iam::"+account+":role/x"), invalid(
		"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:iam::"+account+":role/x), onFailure=null) is invalid."))
	s.expect(to("arn:aws:s3:::bucket"), invalid(
		"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::bucket), onFailure=null) is invalid."))
	if got := s.do(to("no-arn")); got.name != "ValidationException" || !strings.Contains(got.body, "'destinationConfig.onSuccess.destination'") {
		t.Errorf("%s %s", got.name, got.body)
	}
	s.must(to("arn:aws:sqs:" + region + ":" + account + ":queue"))
	s.must(to(""))
	s.must(send("PUT", "books", "", `{"DestinationConfig":{"OnSuccess":{}}}`))

	list := s.must(send("GET", "books", "/list", "")).body
	latest, number, alias := strings.Index(list, "books:$LATEST"), strings.Index(list, `books:1"`), strings.Index(list, "books:live")
	if latest < 0 || number < latest || alias < number {
		t.Errorf("not in order: %s", list)
	}
	if page := s.must(send("GET", "books", "/list?MaxItems=1", "")).body; strings.Count(page, "FunctionArn") != 1 || !strings.Contains(page, "NextMarker") {
		t.Error(page)
	}
	s.expect(send("GET", "none", "/list", ""), missing("The function doesn't exist."))
	s.must(send("DELETE", "books", "", ""))
	s.expect(send("DELETE", "books", "", ""), without("books:$LATEST"))
}
