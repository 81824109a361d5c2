package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/spf13/cobra"
)

// verdict turns the response into an error, or nil.
func (p *program) verdict(ctx context.Context, flags *callFlags, s *signer, result call.Result) error {
	if result.Refusal.Layer != "" {
		return p.refused(ctx, result.Refusal, s)
	}
	if result.Status == http.StatusForbidden {
		p.note("the function itself answered 403: the signature and the permissions were accepted")
	}
	answered := unhappy(result, s)
	if (flags.caller.Fail || flags.failWithBody) && result.Status >= http.StatusBadRequest {
		return cmp.Or(answered, fail(functionFailed, fmt.Errorf("the function answered %d", result.Status)))
	}
	if answered != nil && !flags.silent {
		_, hint := outcome(context.Background(), answered)
		p.note("%v", answered)
		p.tell("furl: hint: ", hint)
	}
	return nil
}

// unhappy is what there is to say of an answer that is no refusal: of a function that failed, or that did not
// understand the body. It is nil if there is nothing.
func unhappy(result call.Result, s *signer) error {
	switch failure := result.Failure; {
	case failure != nil:
		why := ""
		if failure.ErrorType != "" {
			why = " (" + failure.ErrorType + ")"
		}
		err := fmt.Errorf("the function failed%s, and Lambda instead of the function answered %d", why, result.Status)
		name := cmp.Or(functionName(failure.Function), s.function, "NAME")
		if failure.Explained {
			return fail(callFailed, err, name, snippet.Quote(failure.RequestID))
		}
		region := s.config.Region
		if parsed, err := furl.ParseURL(s.url); err == nil {
			region = cmp.Or(parsed.Region, region)
		}
		return fail(callFailedAtAWS, err, name, cmp.Or(region, "REGION"), snippet.Quote(failure.RequestID))
	case result.Untyped != "":
		return fail(callUntyped, fmt.Errorf("the function answered %d: %s", result.Status, result.Untyped))
	default:
		return nil
	}
}

// refused says who refused a request, and who can change it.
func (p *program) refused(ctx context.Context, r furl.Refusal, s *signer) error {
	explain := ""
	if r.Explain != "" {
		explain = r.RequestID
	}
	switch {
	case r.Layer == furl.Address:
		return fail(urlGone, errors.New("refused: there is no such function URL"), explain, s.check)
	case r.Layer == furl.Authorization && s.unsigned != "":
		err := errors.New("refused by authorization: the function URL does not let everybody call it")
		return fail(callRefused, err, explain, s.check)
	case r.Layer == furl.Authorization:
		err := errors.New("refused by authorization: the signature is right, but the caller may not call this function URL")
		caller, function, unnamed := s.caller(ctx), s.functionName(ctx), ""
		if function == "" {
			unnamed = s.check
		}
		return fail(callerDenied, err, explain, s.check, function, caller, unnamed, caller)
	case s.unsigned == "" && r.Message == "Forbidden":
		return fail(callRefused, fmt.Errorf("refused by authentication (%s): the signature did not reach Lambda: "+
			"something on the way removes the Authorization header", r.ErrorType), explain, s.check)
	}
	if s.unsigned != "" && r.Layer == furl.Authentication {
		err := fmt.Errorf("refused by authentication: the request went out unsigned (%s)", s.unsigned)
		return fail(callUnsigned, err, explain)
	}
	err := fmt.Errorf("refused by authentication (%s): %s", r.ErrorType, r.Message)
	keys, keysErr := s.transport.Credentials.Retrieve(ctx)
	if keysErr == nil && keys.SessionToken != "" && p.leftToken(keys.AccessKeyID) {
		return fail(tokenLeft, err, explain, s.check)
	}
	return fail(callRefused, err, explain, s.check)
}

// repeatCall sends the request many times and prints the report.
func (p *program) repeatCall(command *cobra.Command, flags *callFlags, s *signer) error {
	prepared, err := flags.build(command, s, 0)
	if err != nil {
		return err
	}
	load := flags.load
	load.Transport, load.Timeout = s.transportFor(), seconds(flags.maxTime)
	if !flags.silent && !flags.noProgress && isTerminal(p.streams.Err) {
		load.Progress = raw(p.streams.Err)
	}
	report, err := load.Run(command.Context(), prepared)
	if err != nil {
		return usage(command, err)
	}
	write := report.WriteText
	if flags.report == "json" {
		write = report.WriteJSON
	}
	if err := write(p.streams.Out); err != nil {
		return err
	}
	return flags.loadVerdict(command.Context(), report, s)
}

// loadVerdict turns the report into an error, the one that matters most, or nil.
func (c *callFlags) loadVerdict(ctx context.Context, report call.Report, s *signer) error {
	for layer := range report.Refused {
		return fail(callRefused, fmt.Errorf("%d requests were refused by %s", report.Refused[layer], layer), "", s.check)
	}
	failed, errored := report.Count()-len(report.Times), 0
	for status, n := range report.Statuses {
		if status >= http.StatusBadRequest {
			errored += n
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d requests failed", failed, report.Count())
	case (c.caller.Fail || c.failWithBody) && errored > 0:
		return fail(functionFailed, fmt.Errorf("the function answered %d requests with 400 or more", errored))
	case report.Stopped:
		return context.Cause(ctx)
	}
	return nil
}
