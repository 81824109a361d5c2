//go:build unix

package lambdaapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

type addLayerVersionPermissionInput struct {
	layerVersionInput
	Action         string
	OrganizationId string
	Principal      string
	RevisionId     *string
	StatementId    string
}

func (s *service) addLayerVersionPermission(r *layerRequest, in *addLayerVersionPermissionInput) (any, error) {
	if in.OrganizationId != "" && in.Principal != "*" { // the text is assumed
		return nil, invalidParameter("OrganizationId can only be used with the principal *.")
	}
	var statement string
	revision, err := r.changePolicy(in.RevisionId, func(world *state.Snapshot, present lambda.Policy) (string, error) {
		principal, err := resolvePrincipal(world, in.Principal)
		if err != nil {
			return "", err
		}
		document, err := present.Document()
		if err != nil {
			return "", err
		}
		if lambda.IndexOfStatement(document, in.StatementId) >= 0 {
			return "", statementExists(in.StatementId)
		}
		added := lambda.Permission{
			StatementID: in.StatementId, Action: in.Action, Principal: principal, PrincipalOrgID: in.OrganizationId,
		}
		statement = string(added.Statement(r.arn, world.ShowPrincipal))
		return present.With(added.Statement(r.arn, lambda.Stored))
	})
	if err != nil {
		return nil, err
	}
	return struct{ Statement, RevisionId string }{statement, revision}, nil
}

func (s *service) getLayerVersionPolicy(r *layerRequest, _ *layerVersionInput) (any, error) {
	version, err := r.governed(r.layer)
	if err != nil {
		return nil, err
	}
	text, err := version.Policy.Shown(r.State.Now().ShowPrincipal)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, noPolicy()
	}
	return shownPolicy{text, version.Policy.RevisionID}, nil
}

type removeLayerVersionPermissionInput struct {
	layerVersionInput
	RevisionId  *string
	StatementId string
}

func (s *service) removeLayerVersionPermission(r *layerRequest, in *removeLayerVersionPermissionInput) (any, error) {
	_, err := r.changePolicy(in.RevisionId, func(_ *state.Snapshot, present lambda.Policy) (string, error) {
		document, err := present.Document()
		switch {
		case err != nil:
			return "", err
		case document == nil:
			return "", noPolicy()
		case lambda.IndexOfStatement(document, in.StatementId) < 0:
			return "", statementMissing(in.StatementId)
		}
		return present.Without(in.StatementId)
	})
	return nil, err
}

// governed is the version of a layer whose policy the request is about.
func (r *layerRequest) governed(layer *lambda.Layer) (*lambda.LayerVersion, error) {
	if err := checkLayerNumber(r.arn.Number); err != nil {
		return nil, err
	}
	if layer != nil {
		if version := layer.Version(r.arn.Number); version != nil {
			return version, nil
		}
	}
	return nil, notFound("%s", layerVersionMissing(r.arn.String()))
}

// changePolicy changes the policy of the version in a transaction, if it still has the revision that the request names.
// edit makes the new text, "" for none. It answers the new revision.
func (r *layerRequest) changePolicy(
	revision *string, edit func(*state.Snapshot, lambda.Policy) (text string, err error),
) (next string, err error) {
	find := func(world *state.Snapshot) (*lambda.Layer, error) {
		layer, _ := world.Layers.Get(r.arn.Key())
		_, err := r.governed(layer)
		return layer, err
	}
	err = controlplane.Change(r.Call, find, func(world *state.Snapshot, layer *lambda.Layer) error {
		version := layer.Version(r.arn.Number)
		if revision != nil && *revision != version.Policy.RevisionID {
			return staleRevision("GetLayerPolicy")
		}
		text, err := edit(world, version.Policy)
		if err != nil {
			return err
		}
		if size := len(text); size > lambda.MaxPolicySize && size > len(version.Policy.Text) {
			return wire.Errorf("PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).",
				size, lambda.MaxPolicySize)
		}
		version.Policy = lambda.Policy{}
		if text != "" {
			next = trace.NewRequestID()
			version.Policy = lambda.Policy{Text: text, RevisionID: next}
		}
		return nil
	})
	return next, err
}
