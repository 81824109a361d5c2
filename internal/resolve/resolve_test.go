package resolve_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
)

var name = lambda.ARN{Region: "eu-central-1", Account: "111111111111", Name: "web"}

func qualified(qualifier string) lambda.ARN {
	arn := name
	arn.Qualifier = qualifier
	return arn
}

// newWorld has a function with two versions and some aliases.
func newWorld(t testing.TB) *state.State {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	allow := lambda.Permission{StatementID: "a", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{Anyone: true}}
	again := allow
	again.StatementID = "b"
	err = world.Update(t.Context(), func(tx *state.Tx) error {
		return errors.Join(
			tx.Put(&lambda.Function{
				ARN: name, Configuration: lambda.Configuration{Description: "$LATEST"}, LastVersion: 2,
				Policies: map[string]lambda.Policy{
					"":     {Text: lambda.PolicyText([]lambda.Permission{allow}, name, lambda.Stored)},
					"both": {Text: lambda.PolicyText([]lambda.Permission{allow, again}, qualified("both"), lambda.Stored)},
				},
			}),
			tx.Put(&lambda.Version{ARN: qualified("1"), Configuration: lambda.Configuration{Description: "1"}}),
			tx.Put(&lambda.Version{ARN: qualified("2"), Configuration: lambda.Configuration{Description: "2"}}),
			tx.Put(&lambda.Alias{ARN: qualified("live"), Target: "1"}),
			tx.Put(&lambda.Alias{ARN: qualified("newest"), Target: lambda.Latest}),
			tx.Put(&lambda.Alias{ARN: qualified("both"), Target: "1", Weights: map[string]float64{"2": 0.25}}),
			tx.Put(&lambda.Alias{ARN: qualified("lost"), Target: "9"}),
			tx.Put(&lambda.Alias{ARN: qualified("half-lost"), Target: "1", Weights: map[string]float64{"9": 0.5}}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func TestFind(t *testing.T) {
	world := newWorld(t).Now()
	for _, test := range []struct {
		qualifier string
		version   string // that runs
		policy    int    // statements
		err       error
	}{
		{"", "$LATEST", 1, nil},
		{"$LATEST", "$LATEST", 1, nil},
		{"1", "1", 0, nil},
		{"2", "2", 0, nil},
		{"live", "1", 0, nil},
		{"newest", "$LATEST", 0, nil},
		{"both", "1", 2, nil},
		{"3", "", 0, resolve.ErrVersion},
		{"01", "", 0, resolve.ErrVersion},
		{"none", "", 0, resolve.ErrAlias},
		{"LIVE", "", 0, resolve.ErrAlias},
		{"lost", "", 0, resolve.ErrVersion},
		{"half-lost", "", 0, resolve.ErrVersion},
		{"$LATEST.PUBLISHED", "", 0, resolve.ErrVersion},
		{"with-$", "", 0, resolve.ErrVersion},
	} {
		target, err := resolve.Find(world, qualified(test.qualifier))
		if !errors.Is(err, test.err) || target.Function == nil || target.Qualifier != test.qualifier {
			t.Errorf("%q: %+v, %v", test.qualifier, target, err)
		}
		if err != nil {
			continue
		}
		statements := 0
		if document := target.Policy(); document != nil {
			statements = document.Len()
		}
		version := target.Pick(0.5)
		if version.Number != test.version || version.Description != test.version || statements != test.policy || target.ARN() != qualified(test.qualifier) {
			t.Errorf("%q: version %s with the description %q, %d statements, %s", test.qualifier, version.Number, version.Description, statements, target.ARN())
		}
	}
	other := name
	other.Name = "other"
	if target, err := resolve.Find(world, other); !errors.Is(err, resolve.ErrFunction) || target.Function != nil {
		t.Errorf("%+v, %v", target, err)
	}
}

// A quarter of the invocations goes to the version that has the weight 0.25.
func TestPick(t *testing.T) {
	target, err := resolve.Find(newWorld(t).Now(), qualified("both"))
	if err != nil {
		t.Fatal(err)
	}
	picked := map[string]int{}
	for i := range 100 {
		picked[target.Pick(float64(i)/100).Number]++
	}
	if picked["2"] != 25 || picked["1"] != 75 {
		t.Errorf("picked %v", picked)
	}
}

func TestVersionsAndAliasesGoWithTheirFunction(t *testing.T) {
	world := newWorld(t)
	before := world.Now()
	err := world.Update(t.Context(), func(tx *state.Tx) error {
		for i := 3; i <= 12; i++ {
			if err := tx.Put(&lambda.Version{ARN: qualified(strconv.Itoa(i))}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list := world.Now().VersionsOf(name)
	if len(list) != 12 || list[1].ARN.Qualifier != "2" || list[9].ARN.Qualifier != "10" {
		t.Errorf("versions are %v", list)
	}
	if len(before.VersionsOf(name)) != 2 || len(before.AliasesOf(name)) != 5 || before.AliasesOf(name)[0].ARN.Qualifier != "both" {
		t.Errorf("before, there were %v and %v", before.VersionsOf(name), before.AliasesOf(name))
	}
	err = world.Update(t.Context(), func(tx *state.Tx) error {
		function, _ := tx.View().Function(name)
		tx.Delete(function)
		return nil
	})
	if now := world.Now(); err != nil || now.Versions.Len() != 0 || now.Aliases.Len() != 0 || now.VersionsOf(name) != nil || now.AliasesOf(name) != nil {
		t.Errorf("%v; left are %d versions and %d aliases", err, now.Versions.Len(), now.Aliases.Len())
	}
}

func BenchmarkFindAlias(b *testing.B) {
	world := newWorld(b).Now()
	arn := qualified("both")
	for b.Loop() {
		if _, err := resolve.Find(world, arn); err != nil {
			b.Fatal(err)
		}
	}
}

// A function that has a thousand versions is found as one that has two: nothing goes through them.
func TestManyVersionsCostNothing(t *testing.T) {
	world := newWorld(t)
	few := world.Now()
	err := world.Update(t.Context(), func(tx *state.Tx) error {
		for i := 3; i <= 1000; i++ {
			if err := tx.Put(&lambda.Version{ARN: qualified(strconv.Itoa(i))}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cost := func(world *state.Snapshot) float64 {
		return testing.AllocsPerRun(100, func() {
			if _, err := resolve.Find(world, qualified("both")); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, other := cost(few), cost(world.Now()); one != other {
		t.Errorf("with 2 versions %v allocations, with 1,000 %v", one, other)
	}
}

func TestVersions(t *testing.T) {
	world := newWorld(t).Now()
	function, _ := world.Function(name)
	var numbers []string
	for _, target := range resolve.Versions(world, function) {
		numbers = append(numbers, target.Version.Number)
		if target.ARN() != qualified(target.Version.Number) || target.Version.Description != target.Version.Number {
			t.Errorf("%+v", target)
		}
	}
	if !slices.Equal(numbers, []string{"$LATEST", "1", "2"}) {
		t.Errorf("versions %q", numbers)
	}
}
