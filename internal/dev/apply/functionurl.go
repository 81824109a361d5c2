//go:build unix

package apply

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
)

// functionURL is a function URL as it is declared or present. Function is a name.
type functionURL struct {
	template.URL
	address string // of one that is present
}

func (u *functionURL) key() key {
	return key{"function URL of", lambda.ARN{Name: u.Function, Qualifier: u.Qualifier}.Short()}
}

func (u *functionURL) parts() []part {
	return []part{{key{kindFunction, u.Function}, partURL, u.Qualifier}}
}

func (u *functionURL) properties() (all properties) {
	all.add("AuthType", string(u.AuthType))
	all.add("InvokeMode", string(u.InvokeMode))
	if u.CORS != nil && !u.CORS.IsEmpty() {
		text, err := json.Marshal(u.CORS)
		if err != nil {
			panic(err) // it has nothing that cannot be written
		}
		all.add("Cors", string(text))
	}
	return all
}

// complete gives a declared URL the mode that it has if none is set (API reference of CreateFunctionUrlConfig).
func (u *functionURL) complete() { u.InvokeMode = cmp.Or(u.InvokeMode, lambda.Buffered) }

func (u *functionURL) present(w *world) thing {
	if f := w.functions[u.Function]; f != nil && f.urls[u.Qualifier] != nil {
		return f.urls[u.Qualifier]
	}
	return nil
}

func (u *functionURL) attributes() map[string]string {
	return map[string]string{"FunctionUrl": u.address}
}

func (u *functionURL) put(ctx context.Context, r *run, was thing) (thing, error) {
	made := *u
	if was == nil {
		got, err := r.a.lambda.CreateFunctionUrlConfig(ctx, &awslambda.CreateFunctionUrlConfigInput{
			FunctionName: &u.Function, Qualifier: optional(u.Qualifier), AuthType: types.FunctionUrlAuthType(u.AuthType),
			InvokeMode: types.InvokeMode(u.InvokeMode), Cors: corsOf(u.CORS),
		})
		if err != nil {
			return nil, err
		}
		made.address = aws.ToString(got.FunctionUrl)
		return &made, nil
	}
	cors := corsOf(u.CORS)
	if cors == nil {
		cors = &types.Cors{} // takes what is there away
	}
	got, err := r.a.lambda.UpdateFunctionUrlConfig(ctx, &awslambda.UpdateFunctionUrlConfigInput{
		FunctionName: &u.Function, Qualifier: optional(u.Qualifier), AuthType: types.FunctionUrlAuthType(u.AuthType),
		InvokeMode: types.InvokeMode(u.InvokeMode), Cors: cors,
	})
	if err != nil {
		return nil, err
	}
	made.address = aws.ToString(got.FunctionUrl)
	return &made, nil
}

// readURLs reads the function's URLs.
func (f *function) readURLs(ctx context.Context, a *Applier) error {
	pages := awslambda.NewListFunctionUrlConfigsPaginator(a.lambda, &awslambda.ListFunctionUrlConfigsInput{
		FunctionName: &f.Name,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, c := range page.FunctionUrlConfigs {
			qualifier := qualifierOf(aws.ToString(c.FunctionArn))
			f.urls[qualifier] = &functionURL{
				URL: template.URL{
					Function: f.Name, Qualifier: qualifier, AuthType: lambda.AuthType(c.AuthType),
					InvokeMode: lambda.InvokeMode(c.InvokeMode), CORS: presentCORS(c.Cors),
				},
				address: aws.ToString(c.FunctionUrl),
			}
		}
	}
	return nil
}

func corsOf(c *lambda.CORS) *types.Cors {
	if c == nil || c.IsEmpty() {
		return nil
	}
	cors := &types.Cors{
		AllowCredentials: c.AllowCredentials, AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods,
		AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders,
	}
	if c.MaxAge != nil {
		cors.MaxAge = aws.Int32(int32(*c.MaxAge))
	}
	return cors
}

func presentCORS(c *types.Cors) *lambda.CORS {
	if c == nil {
		return nil
	}
	cors := &lambda.CORS{
		AllowCredentials: c.AllowCredentials, AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods,
		AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders,
	}
	if c.MaxAge != nil {
		cors.MaxAge = aws.Int(int(*c.MaxAge))
	}
	return cors
}

// eventInvoke is what becomes of asynchronous invocations, as it is declared or present. Function is a name.
type eventInvoke struct{ template.EventInvoke }

func (e *eventInvoke) key() key {
	return key{"event invoke configuration of", lambda.ARN{Name: e.Function, Qualifier: e.Qualifier}.Short()}
}

func (e *eventInvoke) parts() []part {
	return []part{{key{kindFunction, e.Function}, partEvent, e.Qualifier}}
}

func (e *eventInvoke) properties() (all properties) {
	for name, n := range map[string]*int{"MaximumRetryAttempts": e.MaxRetries, "MaximumEventAgeInSeconds": e.MaxAge} {
		if n != nil {
			text, _ := json.Marshal(*n) // a number always marshals
			all.add(name, string(text))
		}
	}
	sortProperties(all)
	all.add("OnSuccess", e.OnSuccess)
	all.add("OnFailure", e.OnFailure)
	return all
}

func (e *eventInvoke) present(w *world) thing {
	if f := w.functions[e.Function]; f != nil && f.events[e.Qualifier] != nil {
		return f.events[e.Qualifier]
	}
	return nil
}

func (e *eventInvoke) attributes() map[string]string { return nil }

func (e *eventInvoke) put(ctx context.Context, r *run, _ thing) (thing, error) {
	in := &awslambda.PutFunctionEventInvokeConfigInput{FunctionName: &e.Function, Qualifier: optional(e.Qualifier)}
	if e.MaxRetries != nil {
		in.MaximumRetryAttempts = aws.Int32(int32(*e.MaxRetries))
	}
	if e.MaxAge != nil {
		in.MaximumEventAgeInSeconds = aws.Int32(int32(*e.MaxAge))
	}
	if e.OnSuccess != "" || e.OnFailure != "" {
		in.DestinationConfig = &types.DestinationConfig{}
		if e.OnSuccess != "" {
			in.DestinationConfig.OnSuccess = &types.OnSuccess{Destination: &e.OnSuccess}
		}
		if e.OnFailure != "" {
			in.DestinationConfig.OnFailure = &types.OnFailure{Destination: &e.OnFailure}
		}
	}
	_, err := r.a.lambda.PutFunctionEventInvokeConfig(ctx, in)
	return e, err
}

// readEvents reads what becomes of the function's asynchronous invocations.
func (f *function) readEvents(ctx context.Context, a *Applier) error {
	pages := awslambda.NewListFunctionEventInvokeConfigsPaginator(a.lambda, &awslambda.ListFunctionEventInvokeConfigsInput{
		FunctionName: &f.Name,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, c := range page.FunctionEventInvokeConfigs {
			e := &eventInvoke{template.EventInvoke{Function: f.Name, Qualifier: qualifierOf(aws.ToString(c.FunctionArn))}}
			if e.Qualifier == lambda.Latest {
				e.Qualifier = ""
			}
			if c.MaximumRetryAttempts != nil {
				e.MaxRetries = aws.Int(int(*c.MaximumRetryAttempts))
			}
			if c.MaximumEventAgeInSeconds != nil {
				e.MaxAge = aws.Int(int(*c.MaximumEventAgeInSeconds))
			}
			if d := c.DestinationConfig; d != nil {
				if d.OnSuccess != nil {
					e.OnSuccess = aws.ToString(d.OnSuccess.Destination)
				}
				if d.OnFailure != nil {
					e.OnFailure = aws.ToString(d.OnFailure.Destination)
				}
			}
			f.events[e.Qualifier] = e
		}
	}
	return nil
}
