package iamapi

import (
	"fmt"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

type versionResult struct {
	Document         string `xml:",omitempty"`
	VersionId        string
	IsDefaultVersion bool
	CreateDate       time.Time
}

// listedVersion is a version without its document.
func listedVersion(p *iam.ManagedPolicy, version iam.PolicyVersion) versionResult {
	return versionResult{VersionId: version.ID, IsDefaultVersion: version.ID == p.Default, CreateDate: version.Created}
}

type createPolicyVersionInput struct {
	policyInput
	PolicyDocument string
	SetAsDefault   bool
}

type versionOutput struct{ PolicyVersion versionResult }

func (s *service) createPolicyVersion(r *wire.Request, in *createPolicyVersionInput) (any, error) {
	document, err := parseManaged(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	out := &versionOutput{}
	err = changePolicy(r, in.PolicyArn, func(_ *state.Snapshot, p *iam.ManagedPolicy) error {
		if len(p.Versions) >= maxVersions {
			return limitExceeded("A managed policy can have up to %d versions. "+
				"Before you create a new version, you must delete an existing version.", maxVersions)
		}
		out.PolicyVersion = listedVersion(p, p.AddVersion(document, in.SetAsDefault, r.Now))
		return nil
	})
	return out, err
}

type versionInput struct {
	policyInput
	VersionId string
}

func (s *service) getPolicyVersion(r *wire.Request, in *versionInput) (any, error) {
	if !isPolicyARN(in.PolicyArn) {
		return nil, validationError("ARN %s is not valid.", in.PolicyArn)
	}
	found, ok := visiblePolicy(r.State.Now(), r.Caller.Account, in.PolicyArn)
	if !ok {
		return nil, in.notFound()
	}
	version, ok := found.Version(in.VersionId)
	if !ok {
		return nil, in.notFound()
	}
	result := listedVersion(found, version)
	result.Document = escape(version.Policy.Text)
	return &versionOutput{result}, nil
}

type versionsOutput struct {
	Versions []versionResult
	paged
}

// listPolicyVersions lists the versions, newest first.
func (s *service) listPolicyVersions(r *wire.Request, in *listOfPolicyInput) (any, error) {
	found, err := findPolicy(r.State.Now(), r.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	type numbered struct {
		result versionResult
		key    string
	}
	list := make([]numbered, len(found.Versions))
	for i, version := range found.Versions {
		// The keys of older versions sort behind those of newer ones.
		list[i] = numbered{listedVersion(found, version), fmt.Sprintf("%03d", len(found.Versions)-i)}
	}
	page, more, err := cut(in.Page, list, func(n numbered) string { return n.key })
	if err != nil {
		return nil, err
	}
	out := &versionsOutput{Versions: make([]versionResult, len(page)), paged: more}
	for i, n := range page {
		out.Versions[i] = n.result
	}
	return out, nil
}

func (s *service) deletePolicyVersion(r *wire.Request, in *versionInput) (any, error) {
	return nil, changeVersion(r, in, func(p *iam.ManagedPolicy) error {
		if in.VersionId == p.Default {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v iam.PolicyVersion) bool { return v.ID == in.VersionId })
		return nil
	})
}

func (s *service) setDefaultPolicyVersion(r *wire.Request, in *versionInput) (any, error) {
	return nil, changeVersion(r, in, func(p *iam.ManagedPolicy) error {
		p.Default, p.Updated = in.VersionId, r.Now
		return nil
	})
}

// changeVersion changes a policy that has the version.
func changeVersion(r *wire.Request, in *versionInput, change func(*iam.ManagedPolicy) error) error {
	if _, ok := visiblePolicy(r.State.Now(), r.Caller.Account, in.PolicyArn); !ok && isPolicyARN(in.PolicyArn) {
		return in.notFound()
	}
	return changePolicy(r, in.PolicyArn, func(_ *state.Snapshot, p *iam.ManagedPolicy) error {
		if _, ok := p.Version(in.VersionId); !ok {
			return in.notFound()
		}
		return change(p)
	})
}

func (in *versionInput) notFound() error {
	return noSuchEntity("Policy %s version %s does not exist or is not attachable.", in.PolicyArn, in.VersionId)
}
