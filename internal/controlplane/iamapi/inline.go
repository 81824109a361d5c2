package iamapi

import (
	"maps"
	"slices"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

type inlineInput struct {
	ownerInput
	PolicyName string
}

type putInlineInput struct {
	inlineInput
	PolicyDocument string
}

// maxInline is how long the inline policies of an owner may be together.
var maxInline = map[iam.OwnerKind]int{iam.OfRole: maxRoleInline, iam.OfUser: maxUserInline, iam.OfGroup: maxGroupInline}

// putInline adds or replaces an inline policy.
func (s *service) putInline(r *ownerRequest, in *putInlineInput) (any, error) {
	document, err := parseIdentity(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return nil, r.change(func(_ *state.Snapshot, e entity) error {
		if e.grants.Inline == nil {
			e.grants.Inline = map[string]iam.Policy{}
		}
		e.grants.Inline[in.PolicyName] = document
		total := 0
		for _, p := range e.grants.Inline {
			total += length(p.Text)
		}
		if most := maxInline[e.Kind]; total > most {
			return limitExceeded("Maximum policy size of %d bytes exceeded for %s", most, e)
		}
		return nil
	})
}

type inlineOutput struct {
	ownerName
	PolicyName     string
	PolicyDocument string
}

func (s *service) getInline(r *ownerRequest, in *inlineInput) (any, error) {
	e, err := r.find()
	if err != nil {
		return nil, err
	}
	document, ok := e.grants.Inline[in.PolicyName]
	if !ok {
		return nil, in.notFound(r)
	}
	return &inlineOutput{ownerName(in.ownerInput), in.PolicyName, escape(document.Text)}, nil
}

func (s *service) deleteInline(r *ownerRequest, in *inlineInput) (any, error) {
	return nil, r.change(func(_ *state.Snapshot, e entity) error {
		if _, ok := e.grants.Inline[in.PolicyName]; !ok {
			return in.notFound(r)
		}
		delete(e.grants.Inline, in.PolicyName)
		return nil
	})
}

func (in *inlineInput) notFound(r *ownerRequest) error {
	return noSuchEntity("The %s policy with name %s cannot be found.", r.owner.Kind, in.PolicyName)
}

type policyNamesOutput struct {
	PolicyNames []string
	paged
}

func (s *service) listInline(r *ownerRequest, in *listInput) (any, error) {
	e, err := r.find()
	if err != nil {
		return nil, err
	}
	page, more, err := cut(in.Page, slices.Collect(maps.Keys(e.grants.Inline)), func(name string) string { return name })
	return &policyNamesOutput{page, more}, err
}
