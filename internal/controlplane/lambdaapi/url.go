//go:build unix

package lambdaapi

import (
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
)

// urlInput is the input of the operations on one function URL.
type urlInput struct{ functionInput }

func (in *urlInput) facts(t target) []auth.Fact { return urlFacts(t, nil) }

// urlFacts are the condition keys of operations on a function URL: the auth type that the request sets, else the one
// that the URL has.
func urlFacts(t target, authType *lambda.AuthType) []auth.Fact {
	facts := []auth.Fact{{Key: "lambda:FunctionArn", Value: t.resource.String()}}
	switch {
	case authType != nil:
		facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: string(*authType)})
	case t.function != nil && t.function.URLs[t.resource.Qualifier] != nil:
		facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: string(t.function.URLs[t.resource.Qualifier].AuthType)})
	}
	return facts
}

// urlSettings are the members that CreateFunctionUrlConfig and UpdateFunctionUrlConfig share.
type urlSettings struct {
	urlInput
	AuthType   *lambda.AuthType
	Cors       *lambda.CORS
	InvokeMode *lambda.InvokeMode
}

func (in *urlSettings) facts(t target) []auth.Fact { return urlFacts(t, in.AuthType) }

func (in *urlSettings) apply(config *lambda.URLConfig) {
	set(&config.AuthType, in.AuthType)
	set(&config.InvokeMode, in.InvokeMode)
	if in.Cors != nil {
		config.CORS = in.Cors
		if in.Cors.IsEmpty() { // takes CORS off a URL
			config.CORS = nil
		}
	}
}

// supported refuses what the model lets pass: CORS for no origin. That is known for updates (anomalyco/ion#229) and
// assumed for creation. Methods that AWS does not document, and the same value twice, are taken (assumed); credentials
// beside the origin "*" are known to be (LeanerCloud/CUDly#390).
func (in *urlSettings) supported() error {
	if in.Cors != nil && in.Cors.IsForNoOrigin() {
		return invalidParameter("You can't leave AllowOrigins as empty when Cors is enabled.")
	}
	return nil
}

// urlConfig is a function URL as the API shows it.
type urlConfig struct {
	FunctionUrl      string
	FunctionArn      string
	AuthType         lambda.AuthType
	Cors             *lambda.CORS `json:",omitempty"`
	CreationTime     string
	LastModifiedTime string            `json:",omitempty"`
	InvokeMode       lambda.InvokeMode `json:",omitempty"`
}

// urlTime is the form of the times of a function URL, which is not that of a function's.
const urlTime = "2006-01-02T15:04:05.000000Z"

// urlConfigOf shows a URL as it is read. The answers to creation and update leave out an invoke mode that nobody has
// set (recorded in LocalStack's snapshot of test_url_config_lifecycle).
func (s *service) urlConfigOf(function lambda.ARN, config *lambda.URLConfig) urlConfig {
	return urlConfig{
		FunctionUrl:      s.config.Links.FunctionURL(config.ID, function.Region),
		FunctionArn:      function.String(),
		AuthType:         config.AuthType,
		Cors:             config.CORS,
		CreationTime:     config.Created.UTC().Format(urlTime),
		LastModifiedTime: config.Modified.UTC().Format(urlTime),
		InvokeMode:       config.Mode(),
	}
}

// changeURLs changes the URLs of the target's function in a transaction.
func (r *request) changeURLs(missing *wire.Error, edit func(map[string]*lambda.URLConfig) error) error {
	find := func(world *state.Snapshot) (*lambda.Function, error) {
		if found, err := resolve.Find(world, r.target.arn); err == nil && hasURL(found) {
			return found.Function, nil
		}
		return nil, missing
	}
	return controlplane.Change(r.Call, find, func(_ *state.Snapshot, function *lambda.Function) error {
		if function.URLs == nil {
			function.URLs = map[string]*lambda.URLConfig{}
		}
		return edit(function.URLs)
	})
}

// hasURL reports whether the target can have a URL: a function and its aliases can, a version cannot.
func hasURL(t resolve.Target) bool { return t.Qualifier == "" || t.Alias != nil }

// What the operations on URLs say of functions and URLs that are not there (recorded answers in LocalStack's test
// snapshots).
func functionMissing() *wire.Error { return notFound("Function does not exist") }
func resourceMissing() *wire.Error { return notFound("The resource you requested does not exist.") }

func (s *service) createURLConfig(r *request, in *urlSettings) (any, error) {
	if err := in.supported(); err != nil {
		return nil, err
	}
	id, err := lambda.NewURLID(s.config.Random)
	if err != nil {
		return nil, err
	}
	now := r.Now.UTC().Truncate(time.Millisecond)
	config := &lambda.URLConfig{ID: id, Created: now, Modified: now}
	in.apply(config)
	qualifier := r.target.arn.Qualifier
	err = r.changeURLs(functionMissing(), func(urls map[string]*lambda.URLConfig) error {
		if urls[qualifier] != nil { // the two spaces are AWS's
			return conflict("Failed to create function url config for [functionArn = %s]. "+
				"Error message:  FunctionUrlConfig exists for this Lambda function", r.target.arn)
		}
		urls[qualifier] = config
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := s.urlConfigOf(r.target.arn, config)
	shown.LastModifiedTime, shown.InvokeMode = "", config.InvokeMode
	return shown, nil
}

func (s *service) getURLConfig(r *request, _ *urlInput) (any, error) {
	config, err := r.target.url()
	if err != nil {
		return nil, err
	}
	return s.urlConfigOf(r.target.arn, config), nil
}

// url is the URL of the target.
func (t target) url() (*lambda.URLConfig, error) {
	if t.missing != nil || t.function.URLs[t.arn.Qualifier] == nil {
		return nil, resourceMissing()
	}
	return t.function.URLs[t.arn.Qualifier], nil
}

func (s *service) updateURLConfig(r *request, in *urlSettings) (any, error) {
	if err := in.supported(); err != nil {
		return nil, err
	}
	var config lambda.URLConfig
	qualifier := r.target.arn.Qualifier
	err := r.changeURLs(functionMissing(), func(urls map[string]*lambda.URLConfig) error {
		if urls[qualifier] == nil {
			return resourceMissing()
		}
		config = *urls[qualifier]
		in.apply(&config)
		config.Modified = r.Now.UTC().Truncate(time.Millisecond)
		urls[qualifier] = &config
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := s.urlConfigOf(r.target.arn, &config)
	shown.InvokeMode = config.InvokeMode
	return shown, nil
}

func (s *service) deleteURLConfig(r *request, _ *urlInput) (any, error) {
	return nil, r.changeURLs(resourceMissing(), func(urls map[string]*lambda.URLConfig) error {
		if urls[r.target.arn.Qualifier] == nil {
			return resourceMissing()
		}
		delete(urls, r.target.arn.Qualifier)
		return nil
	})
}

type listURLConfigsInput struct {
	functionInput
	wire.Page
}

// facts has the auth type only: the Service Authorization Reference lists no other key for ListFunctionUrlConfigs.
func (in *listURLConfigsInput) facts(t target) []auth.Fact { return urlFacts(t, nil)[1:] }

func (s *service) listURLConfigs(r *request, in *listURLConfigsInput) (any, error) {
	function := r.target.function
	if function == nil {
		return nil, functionMissing()
	}
	var existing []resolve.Target
	for qualifier := range function.URLs {
		if found, err := resolve.Of(r.State.Now(), function, qualifier); err == nil {
			existing = append(existing, found)
		}
	}
	some, next, err := cut(in.Page, "urls", existing, func(t resolve.Target) string { return t.Qualifier })
	if err != nil {
		return nil, err
	}
	shown := make([]urlConfig, len(some))
	for i, found := range some {
		shown[i] = s.urlConfigOf(found.ARN(), function.URLs[found.Qualifier])
	}
	return struct {
		FunctionUrlConfigs []urlConfig
		NextMarker         string `json:",omitempty"`
	}{shown, next}, nil
}
