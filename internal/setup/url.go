package setup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// URLWriter reads and changes the URL of a function or alias. Errors are of package awsapi.
type URLWriter interface {
	URL(ctx context.Context, arn lambda.ARN) (awsapi.URL, error)
	CreateURL(ctx context.Context, arn lambda.ARN, settings awsapi.URLSettings) (awsapi.URL, error)
	UpdateURL(ctx context.Context, arn lambda.ARN, settings awsapi.URLSettings) (awsapi.URL, error)
	DeleteURL(ctx context.Context, arn lambda.ARN) error
}

// Lister lists the functions of an account and region, and the URLs of each.
type Lister interface {
	Functions(ctx context.Context) iter.Seq2[awsapi.Function, error]
	URLs(ctx context.Context, arn lambda.ARN) ([]awsapi.URL, error)
	URL(ctx context.Context, arn lambda.ARN) (awsapi.URL, error)
}

// URLsOf are the URLs of a function and all of its aliases. Where the endpoint cannot list them it is the function's
// own, if it has one.
func URLsOf(ctx context.Context, lister Lister, arn lambda.ARN) ([]awsapi.URL, error) {
	urls, err := lister.URLs(ctx, arn)
	if awsapi.KindOf(err) != awsapi.Unsupported {
		return urls, err
	}
	url, err := lister.URL(ctx, arn.Unqualified())
	if awsapi.KindOf(err) == awsapi.NotFound {
		return nil, nil
	}
	return []awsapi.URL{url}, err
}

// atOnce is how many calls are made at one time: few, since the Lambda API lets an account make 15 of its calls a
// second (Lambda Developer Guide, "Lambda quotas"). The SDK waits and tries again when it is told to slow down.
const atOnce = 4

// AllURLs are the URLs of all functions of the account and region, in the order in which the API lists the functions.
func AllURLs(ctx context.Context, lister Lister) ([]awsapi.URL, error) {
	var functions []awsapi.Function
	for function, err := range lister.Functions(ctx) {
		if err != nil {
			return nil, err
		}
		functions = append(functions, function)
	}
	urls := make([][]awsapi.URL, len(functions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, function := range functions {
		group.Go(func() (err error) {
			urls[i], err = URLsOf(ctx, lister, function.ARN)
			if awsapi.KindOf(err) == awsapi.NotFound { // deleted since it was listed
				err = nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(urls...), nil
}

// URLChange is what is asked of a function URL. Empty fields, and nil ones of CORS, leave it as it is.
type URLChange struct {
	AuthType   lambda.AuthType
	InvokeMode lambda.InvokeMode
	CORS       *lambda.CORS
	NoCORS     bool // remove the CORS configuration
}

// Limits of a CORS configuration, from the Lambda API model (Cors).
const (
	maxCORSItems  = 100
	maxCORSHeader = 1024
	maxCORSOrigin = 253
	maxCORSMethod = 6 // characters, and methods
	maxCORSAge    = 86400
)

// Validate reports everything that the API would refuse, at once.
func (c URLChange) Validate() error {
	var faults []error
	fault := func(format string, arguments ...any) { faults = append(faults, fmt.Errorf(format, arguments...)) }
	if c.AuthType != "" && c.AuthType != lambda.AuthIAM && c.AuthType != lambda.AuthNone {
		fault("auth type %q is neither %s nor %s", c.AuthType, lambda.AuthIAM, lambda.AuthNone)
	}
	if c.InvokeMode != "" && c.InvokeMode != lambda.Buffered && c.InvokeMode != lambda.ResponseStream {
		fault("invoke mode %q is neither %s nor %s", c.InvokeMode, lambda.Buffered, lambda.ResponseStream)
	}
	if c.CORS == nil {
		return errors.Join(faults...)
	}
	if c.NoCORS {
		fault("CORS cannot be both set and removed")
	}
	list := func(name string, items []string, longest int) {
		if len(items) > maxCORSItems {
			fault("%d %s are more than %d", len(items), name, maxCORSItems)
		}
		for _, item := range items {
			if item == "" || len(item) > longest {
				fault("%q, of the %s, has not 1 to %d characters", item, name, longest)
			}
		}
	}
	list("allowed headers", c.CORS.AllowHeaders, maxCORSHeader)
	list("exposed headers", c.CORS.ExposeHeaders, maxCORSHeader)
	list("allowed origins", c.CORS.AllowOrigins, maxCORSOrigin)
	if len(c.CORS.AllowMethods) > maxCORSMethod {
		fault("%d allowed methods are more than %d; * stands for all", len(c.CORS.AllowMethods), maxCORSMethod)
	}
	for _, method := range c.CORS.AllowMethods {
		switch {
		case method == "OPTIONS":
			fault("OPTIONS is not a method to allow: Lambda answers preflight requests itself, and takes no name of more than %d characters", maxCORSMethod)
		case method == "" || len(method) > maxCORSMethod:
			fault("allowed method %q has not 1 to %d characters", method, maxCORSMethod)
		}
	}
	if age := c.CORS.MaxAge; age != nil && (*age < 0 || *age > maxCORSAge) {
		fault("a maximum age of %d seconds is not between 0 and %d", *age, maxCORSAge)
	}
	return errors.Join(faults...)
}

// URLPlan is what there is to do to a function URL.
type URLPlan struct {
	Function lambda.ARN
	Before   *awsapi.URL // nil if there is none
	Action   URLAction
	Settings awsapi.URLSettings // to send

	writer URLWriter
}

// URLAction is what a URLPlan does.
type URLAction string

// The actions on a function URL.
const (
	NoAction  URLAction = "none"
	CreateURL URLAction = "create"
	UpdateURL URLAction = "update"
	DeleteURL URLAction = "delete"
)

// PlanCreate plans a URL for a function that has none. A URL that is there already, and as asked for, stays as it is; one
// that differs is an error, since who says create does not mean to change what others may rely on.
func PlanCreate(ctx context.Context, writer URLWriter, function lambda.ARN, change URLChange) (*URLPlan, error) {
	plan, err := beginURL(ctx, writer, function)
	if err != nil {
		return nil, err
	}
	if plan.Before != nil {
		if differences := plan.merge(change); len(differences) > 0 {
			return nil, refuseNow("furl url update "+function.Short()+"   # with the same flags",
				"%s has a URL already, with another %s", function, strings.Join(differences, ", "))
		}
		return plan, nil
	}
	plan.merge(change)
	if err := plan.checkOrigins("create"); err != nil {
		return nil, err
	}
	plan.Action = CreateURL
	if plan.Settings.AuthType == "" {
		plan.Settings.AuthType = lambda.AuthIAM
	}
	return plan, nil
}

// PlanUpdate plans a change of a function's URL. A function that has none is an error.
func PlanUpdate(ctx context.Context, writer URLWriter, function lambda.ARN, change URLChange) (*URLPlan, error) {
	plan, err := beginURL(ctx, writer, function)
	if err != nil {
		return nil, err
	}
	if plan.Before == nil {
		return nil, refuseNow("furl url create "+function.Short(), "%s has no URL", function)
	}
	if differences := plan.merge(change); len(differences) > 0 {
		plan.Action = UpdateURL
	}
	return plan, plan.checkOrigins("update")
}

// checkOrigins refuses CORS for no origin, as the API does: a dry run must not promise it.
func (p *URLPlan) checkOrigins(verb string) error {
	if p.Settings.CORS == nil || !p.Settings.CORS.IsForNoOrigin() {
		return nil
	}
	return refuseNow("furl url "+verb+" "+p.Function.Short()+" --cors-allow-origins ORIGIN   # with the same flags",
		"the CORS configuration of %s would allow no origin, which Lambda refuses", p.Function)
}

// PlanDelete plans the end of a function's URL. A function that has none needs no change.
func PlanDelete(ctx context.Context, writer URLWriter, function lambda.ARN) (*URLPlan, error) {
	plan, err := beginURL(ctx, writer, function)
	if err != nil {
		return nil, err
	}
	if plan.Before != nil {
		plan.Action = DeleteURL
	}
	return plan, nil
}

func beginURL(ctx context.Context, writer URLWriter, function lambda.ARN) (*URLPlan, error) {
	plan := &URLPlan{Function: function, Action: NoAction, writer: writer}
	url, err := writer.URL(ctx, function)
	if err == nil {
		plan.Before = &url
		return plan, nil
	}
	if awsapi.KindOf(err) == awsapi.NotFound {
		return plan, nil
	}
	return nil, err
}

// merge takes over what the change asks for and names what of it is not so already.
func (p *URLPlan) merge(change URLChange) (differences []string) {
	before := value(p.Before)
	if change.AuthType != "" && change.AuthType != before.AuthType {
		p.Settings.AuthType = change.AuthType
		differences = append(differences, "auth type")
	}
	if change.InvokeMode != "" && change.InvokeMode != before.InvokeMode {
		p.Settings.InvokeMode = change.InvokeMode
		differences = append(differences, "invoke mode")
	}
	now := value(before.CORS)
	switch merged := mergeCORS(now, change.CORS); {
	case change.NoCORS && before.CORS != nil:
		p.Settings.CORS = &lambda.CORS{}
		differences = append(differences, "CORS configuration")
	case change.CORS != nil && !sameCORS(now, merged):
		p.Settings.CORS = &merged
		differences = append(differences, "CORS configuration")
	}
	return differences
}

// mergeCORS is the configuration with all that the change names.
func mergeCORS(now lambda.CORS, change *lambda.CORS) lambda.CORS {
	if change == nil {
		return now
	}
	named := func(list, now []string) []string {
		if list == nil {
			return now
		}
		return list
	}
	return lambda.CORS{
		AllowCredentials: cmp.Or(change.AllowCredentials, now.AllowCredentials),
		AllowHeaders:     named(change.AllowHeaders, now.AllowHeaders),
		AllowMethods:     named(change.AllowMethods, now.AllowMethods),
		AllowOrigins:     named(change.AllowOrigins, now.AllowOrigins),
		ExposeHeaders:    named(change.ExposeHeaders, now.ExposeHeaders),
		MaxAge:           cmp.Or(change.MaxAge, now.MaxAge),
	}
}

// sameCORS reports whether two configurations mean the same. Order is of no meaning; what is absent means false,
// zero or nothing.
func sameCORS(a, b lambda.CORS) bool {
	same := func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	}
	return value(a.AllowCredentials) == value(b.AllowCredentials) && value(a.MaxAge) == value(b.MaxAge) &&
		same(a.AllowHeaders, b.AllowHeaders) && same(a.AllowMethods, b.AllowMethods) &&
		same(a.AllowOrigins, b.AllowOrigins) && same(a.ExposeHeaders, b.ExposeHeaders)
}

func value[T any](pointer *T) (v T) {
	if pointer != nil {
		v = *pointer
	}
	return v
}

// Apply makes the change and returns the URL as it is then; of a deleted URL, as it was.
func (p *URLPlan) Apply(ctx context.Context) (awsapi.URL, error) {
	switch p.Action {
	case CreateURL:
		url, err := p.writer.CreateURL(ctx, p.Function, p.Settings)
		return url, p.confirm(url, err)
	case UpdateURL:
		url, err := p.writer.UpdateURL(ctx, p.Function, p.Settings)
		return url, p.confirm(url, err)
	case DeleteURL:
		return *p.Before, absentIsDone(p.writer.DeleteURL(ctx, p.Function))
	default:
		return value(p.Before), nil
	}
}

// confirm makes an error of an answer that does not say what was asked for.
func (p *URLPlan) confirm(url awsapi.URL, err error) error {
	if err != nil {
		return err
	}
	asked := &URLPlan{Before: &url}
	settings := URLChange{AuthType: p.Settings.AuthType, InvokeMode: p.Settings.InvokeMode, CORS: p.Settings.CORS}
	if differences := asked.merge(settings); len(differences) > 0 {
		return fmt.Errorf("the endpoint accepted the change, and yet did not make it: %s of %s",
			strings.Join(differences, ", "), p.Function)
	}
	return nil
}

// After are the settings that the URL will have; nil if there will be none.
func (p *URLPlan) After() *awsapi.URLSettings {
	if p.Action == DeleteURL || p.Action == NoAction && p.Before == nil {
		return nil
	}
	before := value(p.Before)
	after := awsapi.URLSettings{
		AuthType:   cmp.Or(p.Settings.AuthType, before.AuthType),
		InvokeMode: cmp.Or(p.Settings.InvokeMode, before.InvokeMode, lambda.Buffered),
		CORS:       cmp.Or(p.Settings.CORS, before.CORS),
	}
	if sameCORS(value(after.CORS), lambda.CORS{}) {
		after.CORS = nil
	}
	return &after
}

// Diff shows what the plan changes, in the form of a unified diff; "" if it changes nothing.
func (p *URLPlan) Diff() (string, error) {
	if p.Action == NoAction {
		return "", nil
	}
	var texts [2]string
	for i, settings := range []*awsapi.URLSettings{p.settings(), p.After()} {
		if settings == nil {
			continue
		}
		text, err := json.Marshal(settings)
		if err != nil {
			return "", err
		}
		texts[i] = string(text)
	}
	return Revision{Name: "function URL of " + p.Function.String(), Before: texts[0], After: texts[1]}.diff(), nil
}

// settings are those that the URL has; nil if there is none.
func (p *URLPlan) settings() *awsapi.URLSettings {
	if p.Before == nil {
		return nil
	}
	return &p.Before.URLSettings
}
