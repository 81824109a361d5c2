//go:build unix

package lambdaapi_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/state"
)

func TestUpdateFunctionCode(t *testing.T) {
	s := start(t)
	s.create("books")
	before := s.function("books")
	const path = "/2015-03-31/functions/books/code"

	got := s.must(request{method: "PUT", path: path, body: `{"ZipFile":"bmV3IHppcA==","DryRun":true,"RevisionId":"` + before.RevisionID + `"}`})
	if member(t, got.body, "CodeSha256") == before.CodeSHA256 || s.function("books") != before || len(s.invoker.retired) != 0 {
		t.Errorf("a dry run should show the new code and change nothing: %s", got.body)
	}

	got = s.must(request{method: "PUT", path: path, body: `{"ZipFile":"bmV3IHppcA==","Architectures":["arm64"],"RevisionId":"` + before.RevisionID + `"}`})
	want := shown(t, func(c map[string]any) {
		c["CodeSha256"], c["CodeSize"], c["Architectures"] = s.function("books").CodeSHA256, 7.0, []any{"arm64"}
		c["LastUpdateStatus"], c["LastUpdateStatusReason"], c["LastUpdateStatusReasonCode"] = "InProgress", "The function is being created.", "Creating"
	})
	if diff := cmp.Diff(want, seen(t, got.body)); diff != "" {
		t.Error(diff)
	}
	after := s.function("books")
	if after.CodeHex == before.CodeHex || after.CodeSHA256 == before.CodeSHA256 || after.RevisionID == before.RevisionID {
		t.Error("the function has its old code or revision")
	}
	if diff := cmp.Diff([]string{prefix + "books:$LATEST"}, s.invoker.retired); diff != "" {
		t.Errorf("retired environments: %s", diff)
	}
	// As at AWS, the revision that the answer shows is over when the update is.
	for _, revision := range []string{before.RevisionID, member(t, got.body, "RevisionId")} {
		s.expect(request{method: "PUT", path: path, body: `{"ZipFile":"UEs=","RevisionId":"` + revision + `"}`}, fault{412, "PreconditionFailedException",
			`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}`})
	}
	s.expect(request{method: "PUT", path: path, body: `{}`}, invalid("Please provide a source for function code."))
	s.expect(request{method: "PUT", path: path, body: `{"S3Bucket":"artifacts"}`}, invalid("furl does not support S3Bucket: it has no S3. Send the package as ZipFile, or have the server use a directory in place: S3Bucket hot-reload with the directory as S3Key."))
	// Recorded: test_lambda_zip_file_to_image in LocalStack's snapshots.
	s.expect(request{method: "PUT", path: path, body: `{"ImageUri":"x"}`},
		invalid("Please don't provide ImageUri when updating a function with packageType Zip."))
	s.expect(request{method: "PUT", path: path, body: `{"ZipFile":"UEs=","PublishTo":"LATEST_PUBLISHED"}`}, invalid("furl does not support PublishTo: functions run as processes of this machine."))
}

func TestUpdateFunctionConfiguration(t *testing.T) {
	s := start(t)
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,"Environment":{"Variables":{"AB":"1"}},"Description":"first"`)})
	const path = "/2015-03-31/functions/books/configuration"
	before := s.function("books")

	got := s.must(request{method: "PUT", path: path, body: `{"Timeout":10,"Handler":"other","Runtime":"provided.al2","LoggingConfig":{"LogFormat":"JSON"}}`})
	want := shown(t, func(c map[string]any) {
		c["Timeout"], c["Handler"], c["Runtime"], c["Description"] = 10.0, "other", "provided.al2", "first"
		c["Environment"] = map[string]any{"Variables": map[string]any{"AB": "1"}}
		c["LoggingConfig"] = map[string]any{"LogFormat": "JSON", "LogGroup": "/aws/lambda/books", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
		c["LastUpdateStatus"], c["LastUpdateStatusReason"], c["LastUpdateStatusReasonCode"] = "InProgress", "The function is being created.", "Creating"
	})
	if diff := cmp.Diff(want, seen(t, got.body)); diff != "" {
		t.Error(diff)
	}
	if s.function("books").RevisionID == before.RevisionID || len(s.invoker.retired) != 1 {
		t.Error("the function kept its revision or its environments")
	}

	s.must(request{method: "PUT", path: path, body: `{"Environment":{},"LoggingConfig":{"LogFormat":"Text"},"Role":"` + role + `","RevisionId":"` + s.function("books").RevisionID + `"}`})
	if f := s.function("books"); len(f.Environment) != 0 || f.ApplicationLogLevel != "" || f.Timeout.Seconds() != 10 {
		t.Errorf("environment %v, level %q, timeout %v", f.Environment, f.ApplicationLogLevel, f.Timeout)
	}
	for body, want := range map[string]fault{
		`{"RevisionId":"stale"}`: {412, "PreconditionFailedException",
			`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}`},
		`{"Role":"arn:aws:iam::123456789012:role/not-for-lambda"}`: invalid("The role defined for the function cannot be assumed by Lambda."),
		`{"Role":"arn:aws:iam::210987654321:role/x"}`:              denied("Cross-account pass role is not allowed."),
		`{"Runtime":"java17"}`:                                     invalid("java21 functions need a Java 21 runtime on PATH: install one and start furl again"),
		`{"Timeout":1801}`:                                         violates("1 validation error detected: Value '1801' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 1800"),
	} {
		s.expect(request{method: "PUT", path: path, body: body}, want)
	}
}

// A function keeps to the very role that it was given, until it is given the one that was made again under its name.
func TestRoleMadeAgain(t *testing.T) {
	s := start(t)
	s.create("books")
	old, ok := s.world.Now().Role(account, "exec")
	if !ok {
		t.Fatal("there is no role")
	}
	again := old.Clone()
	again.ID = "AROAMADEAGAIN23456789"
	s.update(func(tx *state.Tx) error { tx.Delete(old); return tx.Put(again) })
	const path = "/2015-03-31/functions/books/configuration"
	s.must(request{method: "PUT", path: path, body: `{"Timeout":10}`})
	if id := s.function("books").RoleID; id != old.ID {
		t.Errorf("after another change its role is %s", id)
	}
	s.must(request{method: "PUT", path: path, body: `{"Role":"` + role + `"}`})
	if id := s.function("books").RoleID; id != again.ID {
		t.Errorf("after the role is set again it is %s", id)
	}
}

// Of guarded changes that all name the same revision exactly one may win, whatever their timing.
func TestOneOfManyGuardedChangesWins(t *testing.T) {
	s := start(t)
	s.create("books")
	revision := s.function("books").RevisionID
	statuses := make([]int, 16)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			got := s.do(request{method: "PUT", path: "/2015-03-31/functions/books/configuration",
				body: fmt.Sprintf(`{"Timeout":%d,"RevisionId":"%s"}`, i+1, revision)})
			statuses[i] = got.status
		})
	}
	all.Wait()
	won := 0
	for _, status := range statuses {
		switch status {
		case 200:
			won++
		case 412:
		default:
			t.Errorf("status %d", status)
		}
	}
	if won != 1 {
		t.Errorf("%d changes won", won)
	}
}
