// Package resolve says what a function's name with a qualifier stands for: the function, one of its versions, or an alias
// that points at one or two. Both planes and the invocation ask it, so a qualifier means the same everywhere. It decides
// nothing about callers and has no I/O.
package resolve

import (
	"errors"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// These are what a name does not lead to.
var (
	ErrFunction = errors.New("no such function")
	ErrVersion  = errors.New("no such version")
	ErrAlias    = errors.New("no such alias")
)

// Version is one version of a function, $LATEST or a published one.
type Version struct {
	Number string // "$LATEST", or a number
	*lambda.Configuration
}

// Target is what a name with a qualifier stands for.
type Target struct {
	Function  *lambda.Function
	Qualifier string        // as asked for: "", $LATEST, the number of a version, or the name of an alias
	Alias     *lambda.Alias // nil if the qualifier is no alias
	Version   Version       // which the qualifier names, or the alias points at

	other  Version // which a weighted alias sends a part of its invocations to
	weight float64 // that part; 0 for any other target
}

// Find finds what the name stands for. The errors are ErrFunction, ErrVersion and ErrAlias; with the latter two, the
// Target has the function.
func Find(world *state.Snapshot, name lambda.ARN) (Target, error) {
	function, ok := world.Function(name)
	if !ok {
		return Target{Qualifier: name.Qualifier}, ErrFunction
	}
	return Of(world, function, name.Qualifier)
}

// Latest is the target of a function's name without a qualifier.
func Latest(function *lambda.Function) Target {
	return Target{Function: function, Version: Version{lambda.Latest, &function.Configuration}}
}

// Versions are the versions of a function: $LATEST, and the published ones in order.
func Versions(world *state.Snapshot, function *lambda.Function) []Target {
	list := []Target{{Function: function, Qualifier: lambda.Latest, Version: Version{lambda.Latest, &function.Configuration}}}
	for _, version := range world.VersionsOf(function.ARN) {
		list = append(list, Published(function, version))
	}
	return list
}

// Published is the target of the name of a published version.
func Published(function *lambda.Function, version *lambda.Version) Target {
	number := version.ARN.Qualifier
	return Target{Function: function, Qualifier: number, Version: Version{number, &version.Configuration}}
}

// Of is Find for a function that was found.
func Of(world *state.Snapshot, function *lambda.Function, qualifier string) (Target, error) {
	t := Target{Function: function, Qualifier: qualifier}
	var err error
	if qualifier == "" || qualifier == lambda.Latest {
		t.Version, err = versionOf(world, function, qualifier)
		return t, err
	}
	name := function.ARN
	name.Qualifier = qualifier
	alias, ok := world.Alias(name)
	if !ok && name.IsAlias() {
		return t, ErrAlias
	}
	if !ok {
		t.Version, err = versionOf(world, function, qualifier)
		return t, err
	}
	t.Alias = alias
	if t.Version, err = versionOf(world, function, alias.Target); err != nil {
		return t, err
	}
	for number, weight := range alias.Weights { // at most one
		if t.other, err = versionOf(world, function, number); err != nil {
			return t, err
		}
		t.weight = weight
	}
	return t, nil
}

// versionOf finds a version by its number, $LATEST or "".
func versionOf(world *state.Snapshot, function *lambda.Function, number string) (Version, error) {
	if number == "" || number == lambda.Latest {
		return Version{lambda.Latest, &function.Configuration}, nil
	}
	name := function.ARN
	name.Qualifier = number
	version, ok := world.Version(name)
	if !ok {
		return Version{Number: number}, ErrVersion
	}
	return Version{number, &version.Configuration}, nil
}

// ARN is the name as asked for, with its qualifier. It is what policies are asked about: a grant on the function does not
// hold for an alias (Lambda Developer Guide, "Fine-tuning the Resources and Conditions sections of policies").
func (t Target) ARN() lambda.ARN {
	name := t.Function.ARN
	name.Qualifier = t.Qualifier
	return name
}

// RevisionID is that of the alias, if the target is one, else of the version.
func (t Target) RevisionID() string {
	if t.Alias != nil {
		return t.Alias.RevisionID
	}
	return t.Version.RevisionID
}

// Pick is the version that runs an invocation. random is in [0,1): an alias with weights chooses by it.
func (t Target) Pick(random float64) Version {
	if random < t.weight {
		return t.other
	}
	return t.Version
}

// Share is a version with its part of the invocations, from 0 to 1.
type Share struct {
	Version Version
	Part    float64
}

// Shares are the versions that run invocations of the target: one, or the two of a weighted alias.
func (t Target) Shares() []Share {
	if t.weight == 0 {
		return []Share{{t.Version, 1}}
	}
	return []Share{{t.Version, 1 - t.weight}, {t.other, t.weight}}
}

// Policy is the resource-based policy of the target, nil if it has none. Each qualifier has its own; $LATEST has that of
// the function, since AddPermission does not take it.
func (t Target) Policy() *policy.Document {
	if t.Qualifier == lambda.Latest {
		return t.Function.Policy("")
	}
	return t.Function.Policy(t.Qualifier)
}
