package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/policy"
)

// facts are the condition keys of the call, as far as they are known. It is a policy.Context.
type facts struct {
	given, known policy.Values
	unknown      func(key string) bool
}

var _ policy.Context = (*facts)(nil)

// Lookup takes what was given before what was found out. What could not be found out is absent.
func (f *facts) Lookup(key string) ([]string, bool) {
	if values, ok := f.given.Lookup(key); ok {
		return values, true
	}
	return f.known.Lookup(key)
}

// isUnknown reports whether a call may have the key, with a value that cannot be known from here.
func (f *facts) isUnknown(key string) bool {
	if _, ok := f.Lookup(key); ok {
		return false
	}
	return f.unknown(strings.ToLower(key))
}

// unknowable are keys that a call has, or may have, and that only its way to AWS decides. All other keys that are not
// known are absent: a function URL is public, so that aws:SourceVpc and the like never are there.
var unknowable = []string{
	"aws:sourceip", "aws:useragent", "aws:referer", "aws:principalorgid", "aws:principalorgpaths", "aws:resourceorgid",
	"aws:resourceorgpaths",
}

// ofSessions are keys that only temporary credentials have.
var ofSessions = []string{"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime", "aws:sourceidentity"}

// ofServices are keys that the calling service sets for itself.
var ofServices = []string{"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"}

// factsOf are the keys of the call for one of the two actions.
func (r *run) factsOf(action string) *facts {
	known := policy.Values{}
	s := &r.subject
	if r.authType == lambda.AuthIAM && s.principal != nil {
		known = s.principal.Keys()
	}
	now := r.now().UTC()
	known["aws:CurrentTime"] = []string{now.Format(time.RFC3339)}
	known["aws:EpochTime"] = []string{strconv.FormatInt(now.Unix(), 10)}
	known["aws:SecureTransport"] = []string{strconv.FormatBool(!strings.HasPrefix(r.address, "http:"))}
	known["aws:RequestedRegion"] = []string{r.function.Region}
	known["aws:ResourceAccount"] = []string{r.function.Account}
	known["aws:ViaAWSService"] = []string{"false"}
	maps.Copy(known, setup.ActionKeys(action, r.authType))
	if action == lambda.ActionInvokeURL {
		known["lambda:FunctionArn"] = []string{r.function.String()}
	}
	if r.isLocal() {
		known["aws:SourceIp"] = []string{"127.0.0.1"}
	}
	return &facts{given: r.Context, known: known, unknown: r.isUnknowable}
}

// isUnknowable says of a key in lower case whether the call may have it without anybody here knowing its value.
func (r *run) isUnknowable(key string) bool {
	kind := r.subject.kind
	switch {
	case slices.Contains(unknowable, key), strings.HasPrefix(key, "aws:resourcetag/"):
		return true
	case strings.HasPrefix(key, "aws:principaltag/"):
		// A session may have tags of its own; a user has those that were read.
		return kind == policy.RoleSession || kind == policy.FederatedUser || kind == policy.User && !r.subject.lookedUp
	case slices.Contains(ofSessions, key):
		// Of the caller's own long-term keys they are known to be absent.
		return kind == policy.RoleSession || kind == policy.FederatedUser || kind == policy.User && !r.subject.self
	case slices.Contains(ofServices, key):
		return kind == policy.Service
	default:
		return false
	}
}

// isLocal reports whether the URL is on this machine, so that the call comes from it.
func (r *run) isLocal() bool {
	_, rest, ok := strings.Cut(r.address, "://")
	if !ok {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return isLoopback(strings.Trim(host, "[]"))
}
