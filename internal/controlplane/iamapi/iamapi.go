// Package iamapi is AWS Identity and Access Management as an API: users, groups, roles, access keys, policies and
// the simulator, in the Query protocol of 2010-05-08.
//
//	api := iamapi.New(iamapi.Config{Random: rand.Reader})
//
// Every operation is one row of the table in table.go. Changes go through one transaction of package state each, in
// which all conditions are checked again, so that two requests can not together do what neither may.
//
// It refuses what furl has no use for (passwords, MFA devices, SAML, certificates, …) by the operation's name, and
// whatever AWS's own limits and quotas refuse.
package iamapi

import (
	"io"
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
)

// Config is what the API needs besides the state that comes with each call.
type Config struct {
	Random           io.Reader // makes ids and secrets, for several calls at once: crypto/rand.Reader
	PrivateProviders bool      // identity providers may be on this machine, and then without https
}

// New makes the API.
func New(config Config) controlplane.API {
	s := &service{random: config.Random, privateProviders: config.PrivateProviders}
	return query.New(query.Config{
		Name:            "iam",
		Version:         "2010-05-08",
		Namespace:       "https://iam.amazonaws.com/doc/2010-05-08/",
		Table:           s.table(),
		Absent:          absent,
		Admit:           admit,
		QuietViolations: true,
		Failure:         "ServiceFailure",
	})
}

// service is what the operations are methods of.
type service struct {
	random           io.Reader
	privateProviders bool
}

// admit refuses the sessions of GetSessionToken and GetFederationToken: they can not call IAM, the former unless they
// were made with an MFA device (IAM User Guide, "Compare AWS STS credentials"). The answer is the one that AWS gives
// to unknown keys.
func admit(c *controlplane.Call, _ *query.Operation) error {
	session := c.Caller.Session
	if session == nil || session.Role != "" || session.Federated == "" && session.MFA {
		return nil
	}
	c.Explain("sessions of GetFederationToken, and of GetSessionToken without an MFA device, can not call IAM",
		"call IAM with the user's own access key, or as a role")
	return query.Errorf(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid")
}

// Errors of the API model (botocore 1.43, IAM 2010-05-08), with AWS's texts as recorded in LocalStack's test
// snapshots of 2026 where those have them.

func noSuchEntity(format string, arguments ...any) error {
	return query.Errorf(http.StatusNotFound, "NoSuchEntity", format, arguments...)
}

func alreadyExists(format string, arguments ...any) error {
	return query.Errorf(http.StatusConflict, "EntityAlreadyExists", format, arguments...)
}

func deleteConflict(format string, arguments ...any) error {
	return query.Errorf(http.StatusConflict, "DeleteConflict", format, arguments...)
}

func invalidInput(format string, arguments ...any) error {
	return query.Errorf(http.StatusBadRequest, "InvalidInput", format, arguments...)
}

func limitExceeded(format string, arguments ...any) error {
	return query.Errorf(http.StatusConflict, "LimitExceeded", format, arguments...)
}

func overQuota(name string, quota int) error {
	return limitExceeded("Cannot exceed quota for %s: %d", name, quota)
}

func malformedPolicy(format string, arguments ...any) error {
	return query.Errorf(http.StatusBadRequest, "MalformedPolicyDocument", format, arguments...)
}
