//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

// population is how much there is in a world, evenly spread over its accounts. Each function has so many versions, and
// each version so many aliases.
type population struct{ accounts, functions, roles, keys, versions, aliases int }

var (
	// IAM's quotas ask for many accounts: one has room for 5,000 users of two keys.
	targetPopulation = population{accounts: 20, functions: 10_000, roles: 20_000, keys: 100_000}
	smallPopulation  = population{accounts: 1, functions: 1, roles: 1, keys: 2, versions: 1, aliases: 1}
	// publishedPopulation is the small one, with a function that was published a thousand times.
	publishedPopulation = population{accounts: 1, functions: 1, roles: 1, keys: 2, versions: 1_000, aliases: 10}
)

// accountID is the id of the account that the i-th thing belongs to. The first account is the one that all else uses.
func (p population) accountID(i int) string {
	first, err := strconv.Atoi(account)
	must(err)
	return strconv.Itoa(first + i%p.accounts)
}

func (p population) String() string {
	return fmt.Sprintf("%d accounts, %d functions, %d roles, %d access keys", p.accounts, p.functions, p.roles, p.keys)
}

// populate makes a world in a data directory. A function has a URL and a policy of four statements; a role has two
// managed policies that all roles share, a trust policy and an inline policy of its own; a user has two keys and a
// managed policy.
func populate(ctx context.Context, data string, p population) (err error) {
	db, err := store.Open(ctx, filepath.Join(data, "furl.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	world, err := state.Load(ctx, db)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		size int
		put  func(tx *state.Tx, account string, i int) error
	}{
		{p.accounts, putPolicies},
		{p.roles, putRole},
		{p.keys / keysOfUser, putUser},
		{p.functions, p.putFunction},
		{p.functions * p.versions, p.putVersion},
	} {
		// As many things at a time as the store takes in one commit.
		step := store.MaxChanges / (1 + p.aliases)
		for from := 0; from < part.size; from += step {
			err := world.Update(ctx, func(tx *state.Tx) error {
				for i := from; i < min(part.size, from+step); i++ {
					if err := part.put(tx, p.accountID(i), i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func document(text string, kind policy.Kind) iam.Policy {
	parsed, err := iam.ParsePolicy(text, kind)
	must(err)
	return parsed
}

func policyARN(account, name string) string { return "arn:aws:iam::" + account + ":policy/" + name }

func putPolicies(tx *state.Tx, account string, i int) error {
	for name, text := range map[string]string{"app": appPolicy, "call": callPolicy} {
		managed := &iam.ManagedPolicy{Account: account, Name: name, Path: "/", ID: fmt.Sprintf("ANPA%s%013d", name, i)}
		managed.AddVersion(document(text, policy.Identity), true, time.Now())
		if err := tx.Put(managed); err != nil {
			return err
		}
	}
	return nil
}

func putRole(tx *state.Tx, account string, i int) error {
	own := document(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*"}]}`, i), policy.Identity)
	return tx.Put(&iam.Role{
		Account: account, Name: roleName(i), Path: "/", ID: roleID(i), Created: time.Now(),
		Trust: document(trust, policy.Trust), MaxSession: time.Hour,
		Grants: iam.Grants{Inline: map[string]iam.Policy{"own": own}, Attached: []string{policyARN(account, "app"), policyARN(account, "call")}},
	})
}

// keysOfUser is how many access keys IAM lets a user have.
const keysOfUser = 2

func putUser(tx *state.Tx, account string, i int) error {
	user := &iam.User{
		Account: account, Name: "user-" + strconv.Itoa(i), Path: "/", ID: fmt.Sprintf("AIDA%017d", i), Created: time.Now(),
		Grants: iam.Grants{Attached: []string{policyARN(account, "call")}},
	}
	for range keysOfUser {
		key, err := iam.NewAccessKey(rand.Reader, time.Now())
		if err != nil {
			return err
		}
		user.Keys = append(user.Keys, key)
	}
	return tx.Put(user)
}

// putFunction makes a function whose role is of the same number, and may call it. The aliases of its last version have
// URLs and policies of their own.
func (p population) putFunction(tx *state.Tx, account string, i int) error {
	principal, viaURL := lambda.PermissionPrincipal{AWS: roleID(i)}, true
	function := &lambda.Function{
		ARN: lambda.ARN{Region: region, Account: account, Name: "function-" + strconv.Itoa(i)},
		Configuration: lambda.Configuration{
			Runtime: "provided.al2023", Handler: "bootstrap", Timeout: lambda.DefaultTimeout, MemoryMB: lambda.DefaultMemoryMB,
			Role: "arn:aws:iam::" + account + ":role/" + roleName(i), RoleID: roleID(i),
		},
		URLs: map[string]*lambda.URLConfig{"": {ID: urlID(i), AuthType: lambda.AuthIAM, InvokeMode: lambda.Buffered, Created: time.Now()}},
	}
	function.SetPolicy("", lambda.PolicyText([]lambda.Permission{
		{StatementID: "url", Action: lambda.ActionInvokeURL, Principal: principal, FunctionURLAuthType: lambda.AuthIAM},
		{StatementID: "invoke", Action: lambda.ActionInvoke, Principal: principal, InvokedViaURL: &viaURL},
		{StatementID: "cdn", Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{Service: "cloudfront.amazonaws.com"}},
		{StatementID: "bucket", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{Service: "s3.amazonaws.com"}, SourceAccount: account},
	}, function.ARN, lambda.Stored), "")
	for n := range p.aliases {
		alias := aliasName(p.versions, n)
		function.SetPolicy(alias, strings.ReplaceAll(function.Policies[""].Text, function.ARN.String(), function.ARN.String()+":"+alias), "")
		function.URLs[alias] = &lambda.URLConfig{ID: aliasURLID(i, n), AuthType: lambda.AuthIAM, InvokeMode: lambda.Buffered, Created: time.Now()}
	}
	function.LastVersion = p.versions
	return tx.Put(function)
}

// putVersion publishes a function, and gives the version its aliases.
func (p population) putVersion(tx *state.Tx, account string, i int) error {
	name := lambda.ARN{Region: region, Account: account, Name: "function-" + strconv.Itoa(i/p.versions)}
	number := 1 + i%p.versions
	function, ok := tx.View().Function(name)
	if !ok {
		return fmt.Errorf("there is no function %s to publish", name)
	}
	name.Qualifier = strconv.Itoa(number)
	err := tx.Put(&lambda.Version{ARN: name, Configuration: function.Configuration})
	for n := range p.aliases {
		name.Qualifier = aliasName(number, n)
		err = errors.Join(err, tx.Put(&lambda.Alias{ARN: name, Target: strconv.Itoa(number)}))
	}
	return err
}

func roleName(i int) string { return "role-" + strconv.Itoa(i) }
func roleID(i int) string   { return fmt.Sprintf("AROA%017d", i) }
func urlID(i int) string    { return fmt.Sprintf("u%030d", i) }

func aliasName(version, n int) string { return fmt.Sprintf("alias-%d-%d", version, n) }
func aliasURLID(i, n int) string      { return fmt.Sprintf("a%015d%015d", i, n) }
