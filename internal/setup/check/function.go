package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// findFunction finds the function and its URL, and adds the steps about them.
func (r *run) findFunction(ctx context.Context) error {
	if strings.Contains(r.Target, "://") {
		return r.findByURL(ctx)
	}
	arn, err := setup.ParseTarget(r.Target, r.Qualifier, r.Owner.Region, r.ownerID)
	if err != nil {
		return err
	}
	if arn.Account == "" { // a bare name, and no credentials to say whose
		if awsapi.KindOf(r.noKeys) == awsapi.Unreachable {
			return r.noKeys // there is nothing else to look at
		}
		r.add(lookingFailed(stepURL, "which function "+r.Target+" is", r.noKeys, true))
		return nil
	}
	r.function = arn
	url, err := r.Owner.Functions.URL(ctx, arn)
	switch {
	case err == nil:
		r.found(url)
	case awsapi.KindOf(err) == awsapi.NotFound:
		r.noURL(ctx, err)
	case awsapi.KindOf(err) == awsapi.Unreachable && awsapi.KindOf(r.noKeys) == awsapi.Unreachable:
		return err
	default:
		r.add(lookingFailed(stepURL, "the function's URL", err, true))
	}
	r.lookAtRegion(err)
	return nil
}

func (r *run) found(url awsapi.URL) {
	r.url, r.address, r.authType = &url, url.Address, url.AuthType
	if url.Function.Name != "" {
		r.function = url.Function
	}
	cors := "no CORS configuration"
	if url.CORS != nil {
		cors = "with a CORS configuration"
	}
	r.add(Step{
		Name: stepURL, Status: OK, Decides: true,
		Summary: fmt.Sprintf("%s, of %s, auth type %s, %s, %s", url.Address, r.function, url.AuthType, url.InvokeMode, cors),
	})
}

// noURL tells a function without URL from no function, and an alias without URL from no alias.
func (r *run) noURL(ctx context.Context, missing error) {
	step := Step{Name: stepURL, Status: Problem, Decides: true}
	_, err := r.Owner.Functions.Function(ctx, r.function)
	noAlias := false
	if awsapi.KindOf(err) == awsapi.NotFound && r.function.Qualifier != "" {
		_, err = r.Owner.Functions.Function(ctx, r.function.Unqualified())
		noAlias = err == nil
	}
	switch {
	case noAlias:
		step.Summary = fmt.Sprintf("function %s has no alias %s", r.function.Unqualified(), r.function.Qualifier)
		step.Details = r.otherURLs(ctx)
	case awsapi.KindOf(err) == awsapi.NotFound:
		step.Summary = "there is no function " + r.function.Unqualified().String()
	case err == nil:
		step.Summary = r.function.String() + " has no URL"
		step.Fix = []string{"furl url create " + r.name()}
		step.Details = r.otherURLs(ctx)
	default:
		step.Summary = missing.Error()
		step.Fix = []string{"furl url create " + r.name()}
	}
	r.add(step)
}

// otherURLs names the URLs of the function's other qualifiers.
func (r *run) otherURLs(ctx context.Context) []string {
	urls, err := r.Owner.Functions.URLs(ctx, r.function)
	if err != nil {
		return nil
	}
	var details []string
	for _, url := range urls {
		details = append(details, fmt.Sprintf("%s has one: %s", url.Function, url.Address))
	}
	return details
}

// findByURL looks for the function that the URL belongs to: the API has no way to ask for it, so that all of the
// region's are listed.
func (r *run) findByURL(ctx context.Context) error {
	parsed, err := furl.ParseURL(r.Target)
	if err != nil {
		return err
	}
	if r.Qualifier != "" {
		return errors.New("a URL belongs to one function or alias: leave the qualifier out")
	}
	r.address = parsed.Scheme + "://" + parsed.Host + parsed.Base + "/"
	if path := strings.TrimPrefix(parsed.Target, parsed.Base); path != "" && path != "/" && r.Path == "/" {
		r.Path, r.report.Path = path, path
	}
	if parsed.ID == "" {
		r.add(Step{
			Name: stepURL, Status: Unknown, Decides: true,
			Summary: parsed.Host + " is not the host of a function URL: name the function behind it",
		})
		return nil
	}
	if r.noKeys != nil && r.ownerID == "" {
		r.add(lookingFailed(stepURL, "whose URL this is", r.noKeys, true))
		return nil
	}
	urls, err := setup.AllURLs(ctx, r.Owner.Functions)
	if err != nil {
		r.add(lookingFailed(stepURL, "whose URL this is", err, true))
		return nil
	}
	i := slices.IndexFunc(urls, func(url awsapi.URL) bool {
		other, err := furl.ParseURL(url.Address)
		return err == nil && other.ID == parsed.ID
	})
	if i < 0 {
		r.add(Step{
			Name: stepURL, Status: Unknown, Decides: true,
			Summary: fmt.Sprintf("no function of account %s in %s has this URL: it was deleted, or belongs to another account or region", r.ownerID, r.Owner.Region),
			Fix:     []string{"name the function by its ARN, if it belongs to another account"},
		})
		return nil
	}
	r.found(urls[i])
	return nil
}

// name is the function as a person types it in a command.
func (r *run) name() string {
	if !strings.Contains(r.Target, "://") && r.Target != "" {
		if r.Qualifier != "" && !strings.HasSuffix(r.Target, ":"+r.Qualifier) {
			return snippet.Quote(r.Target) + " --qualifier " + r.Qualifier
		}
		return snippet.Quote(r.Target)
	}
	return r.function.String()
}

// withoutURLs are the regions that had no function URLs when this was written (Lambda Developer Guide, "Invoking Lambda
// function URLs").
var withoutURLs = []string{
	"ap-east-2", "ap-south-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-west-1",
	"eu-central-2", "eu-south-2", "il-central-1", "me-central-1",
}

// lookAtRegion says whether the function's region has function URLs at all. One that exists answers that.
func (r *run) lookAtRegion(err error) {
	region := r.function.Region
	switch {
	case err == nil:
		r.add(Step{Name: stepRegion, Status: OK, Summary: region + " has function URLs"})
	case slices.Contains(withoutURLs, region):
		r.add(Step{Name: stepRegion, Status: Problem, Summary: "AWS's documentation counts " + region + " among the regions without function URLs"})
	case !arn.IsRegion(region):
		r.add(Step{Name: stepRegion, Status: Problem, Summary: fmt.Sprintf("%q is not the name of a region", region)})
	}
}
