//go:build unix

package lambdaapi

import (
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

type publishVersionInput struct {
	functionInput
	CodeSha256  *string
	Description *string
	RevisionId  *string
}

func (s *service) publishVersion(r *request, in *publishVersionInput) (any, error) {
	if _, err := r.target.whole(); err != nil {
		return nil, err
	}
	var published resolve.Target
	err := r.change(in.RevisionId, "GetFunction/GetAlias", func(tx *state.Tx, function *lambda.Function) error {
		if err := s.changing.conflict(r); err != nil {
			return err
		}
		if in.CodeSha256 != nil && *in.CodeSha256 != function.CodeSHA256 {
			return invalidParameter("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). "+
				"Please try again with the CodeSHA256 in $LATEST.", *in.CodeSha256, function.CodeSHA256)
		}
		version, _, err := publish(tx, function, in.Description)
		if err == nil {
			published = resolve.Published(function, version)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return configurationOf(published), nil
}

// publish makes a version of $LATEST, of which the caller keeps the function. If nothing has changed since a version was
// published last, it is that version, and neither gets another description nor another revision (recorded in
// LocalStack's snapshot of test_publish_with_same_code). That what has changed and was changed back counts as unchanged
// is assumed, and that a version which was deleted does not count.
func publish(tx *state.Tx, function *lambda.Function, description *string) (version *lambda.Version, isNew bool, err error) {
	numbered := function.ARN
	numbered.Qualifier = strconv.Itoa(function.LastVersion)
	last, ok := tx.View().Versions.Get(lambda.QualifiedKey(numbered))
	if ok && last.IsOf(function.Configuration) {
		return last, false, nil
	}
	function.LastVersion++
	numbered.Qualifier = strconv.Itoa(function.LastVersion)
	version = &lambda.Version{
		ARN: numbered, Configuration: function.Configuration.Clone(), SourceDescription: function.Description,
	}
	set(&version.Description, description)
	// Both have revisions of their own from now on (recorded in LocalStack's snapshots of TestLambdaRevisions).
	version.RevisionID, function.RevisionID = trace.NewRequestID(), trace.NewRequestID()
	return version, true, tx.Put(version)
}

// deleteVersion deletes the version that the request names. One that does not exist is as good as deleted.
func (s *service) deleteVersion(r *request) error {
	name := r.target.arn
	err := r.change(nil, "", func(tx *state.Tx, function *lambda.Function) error {
		version, ok := tx.View().Versions.Get(lambda.QualifiedKey(name))
		if !ok {
			return nil
		}
		var users []string
		for _, alias := range tx.View().AliasesOf(name) {
			if alias.Uses(name.Qualifier) {
				users = append(users, alias.ARN.Qualifier)
			}
		}
		if users != nil { // as people's clean-up scripts quote it
			return conflict("Unable to delete version because the following aliases reference it: [%s]", strings.Join(users, ", "))
		}
		tx.Delete(version)
		function.Forget(name.Qualifier)
		return nil
	})
	if err == nil {
		s.config.Invoker.Retire(name)
		s.config.Invoker.Provision(name)
	}
	return err
}

type listVersionsInput struct {
	functionInput
	wire.Page
}

func (s *service) listVersions(r *request, in *listVersionsInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	versions, next, err := cut(in.Page, "versions", resolve.Versions(r.State.Now(), function), versionOrder)
	if err != nil {
		return nil, err
	}
	return struct {
		NextMarker string `json:",omitempty"`
		Versions   []configuration
	}{next, s.list(r, versions)}, nil
}

// list shows versions in a list.
func (s *service) list(r *request, targets []resolve.Target) []configuration {
	shown := make([]configuration, len(targets))
	for i, target := range targets {
		shown[i] = s.changing.show(r, target).listed()
	}
	return shown
}

// versionOrder has $LATEST before all numbers, and these in order.
func versionOrder(version resolve.Target) string {
	number := version.Version.Number
	const digits = 10
	return strings.Repeat("0", max(0, digits-len(strings.TrimPrefix(number, lambda.Latest)))) + number
}
