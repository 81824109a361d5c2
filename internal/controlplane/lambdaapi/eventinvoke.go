//go:build unix

package lambdaapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
)

// The texts here are AWS's, recorded in LocalStack's snapshots of TestLambdaEventInvokeConfig.

type eventInvokeInput struct {
	functionInput
	DestinationConfig *struct {
		OnFailure, OnSuccess *struct{ Destination *string }
	}
	MaximumEventAgeInSeconds *int
	MaximumRetryAttempts     *int
}

// eventInvoke is the configuration as the API shows it. LastModified is a number of seconds.
type eventInvoke struct {
	DestinationConfig        shownDestinations
	FunctionArn              string
	LastModified             json.Number
	MaximumEventAgeInSeconds *int `json:",omitempty"`
	MaximumRetryAttempts     *int `json:",omitempty"`
}

type (
	shownDestinations struct{ OnFailure, OnSuccess shownDestination }
	shownDestination  struct {
		Destination *string `json:",omitempty"`
	}
)

// latest is the ARN with the qualifier that an event of it is for.
func latest(arn lambda.ARN) lambda.ARN {
	setDefault(&arn.Qualifier, lambda.Latest)
	return arn
}

// eventQualifier is the key of a qualifier's configuration: $LATEST has the function's.
func eventQualifier(arn lambda.ARN) string {
	if arn.Qualifier == lambda.Latest {
		return ""
	}
	return arn.Qualifier
}

func (s *service) putEventInvoke(r *request, in *eventInvokeInput) (any, error) {
	return s.setEventInvoke(r, in, func(*lambda.EventInvoke) (lambda.EventInvoke, error) { return lambda.EventInvoke{}, nil })
}

func (s *service) updateEventInvoke(r *request, in *eventInvokeInput) (any, error) {
	return s.setEventInvoke(r, in, func(now *lambda.EventInvoke) (lambda.EventInvoke, error) {
		if now == nil {
			return lambda.EventInvoke{}, r.target.noEventInvoke()
		}
		return *now, nil
	})
}

// setEventInvoke sets what the request gives on what start makes of the present configuration.
func (s *service) setEventInvoke(
	r *request, in *eventInvokeInput, start func(now *lambda.EventInvoke) (lambda.EventInvoke, error),
) (any, error) {
	if in.DestinationConfig == nil && in.MaximumEventAgeInSeconds == nil && in.MaximumRetryAttempts == nil {
		return nil, invalidParameter("You must specify at least one of error handling or destination setting.")
	}
	if r.target.missing != nil {
		return nil, notFound("The function doesn't exist.")
	}
	qualifier := eventQualifier(r.target.arn)
	var shown eventInvoke
	err := r.change(nil, "", func(tx *state.Tx, function *lambda.Function) error {
		world := tx.View()
		config, err := start(function.EventInvoke[qualifier])
		if err != nil {
			return err
		}
		if err := in.apply(world, function, &config); err != nil {
			return err
		}
		config.Modified = r.Now.UTC().Truncate(time.Millisecond)
		if function.EventInvoke == nil {
			function.EventInvoke = map[string]*lambda.EventInvoke{}
		}
		function.EventInvoke[qualifier] = &config
		shown = eventInvokeOf(r.target.arn, &config)
		return nil
	})
	return shown, err
}

func (in *eventInvokeInput) apply(world *state.Snapshot, function *lambda.Function, config *lambda.EventInvoke) error {
	if in.MaximumRetryAttempts != nil {
		config.MaxRetries = in.MaximumRetryAttempts
	}
	if in.MaximumEventAgeInSeconds != nil {
		age := time.Duration(*in.MaximumEventAgeInSeconds) * time.Second
		config.MaxAge = &age
	}
	if in.DestinationConfig == nil {
		return nil
	}
	var success, failure *string
	if given := in.DestinationConfig.OnSuccess; given != nil {
		success = given.Destination
	}
	if given := in.DestinationConfig.OnFailure; given != nil {
		failure = given.Destination
	}
	for _, destination := range []*string{success, failure} {
		if destination == nil || *destination == "" {
			continue
		}
		if err := checkDestination(world, function.ARN, *destination, destination == failure); err != nil {
			return err
		}
	}
	config.OnSuccess, config.OnFailure = success, failure
	return nil
}

// checkDestination refuses a destination that Lambda has not: a function must exist and be another one; the others are
// queues, topics, event buses, and buckets for failures (API reference of DestinationConfig).
func checkDestination(world *state.Snapshot, own lambda.ARN, destination string, failure bool) error {
	parsed, err := arn.Parse(destination)
	if err != nil {
		return badDestination(destination, failure)
	}
	switch parsed.Service {
	case "lambda":
		name, err := arn.ParseFunctionARN(destination)
		if err != nil {
			return invalidParameter("The destination ARN %s is invalid.", destination)
		}
		if name.Key() == own.Key() {
			return invalidParameter("You can't specify the function as a destination for itself.")
		}
		if _, err := resolve.Find(world, name); err != nil {
			return invalidParameter("The destination ARN %s is invalid.", destination)
		}
		return nil
	case "sqs", "sns":
		return nil
	case "events":
		if strings.HasPrefix(parsed.Resource, "event-bus/") {
			return nil
		}
	case "s3":
		if failure {
			return nil
		}
	}
	return badDestination(destination, failure)
}

func badDestination(destination string, failure bool) error {
	success, failed := "OnSuccess(destination="+destination+")", "null"
	if failure {
		success, failed = "null", "OnFailure(destination="+destination+")"
	}
	return invalidParameter("The provided destination config DestinationConfig(onSuccess=%s, onFailure=%s) is invalid.", success, failed)
}

func eventInvokeOf(name lambda.ARN, config *lambda.EventInvoke) eventInvoke {
	shown := eventInvoke{
		FunctionArn:          latest(name).String(),
		LastModified:         json.Number(strconv.FormatFloat(float64(config.Modified.UnixMilli())/1000, 'f', -1, 64)),
		MaximumRetryAttempts: config.MaxRetries,
		DestinationConfig:    shownDestinations{shownDestination{given(config.OnFailure)}, shownDestination{given(config.OnSuccess)}},
	}
	if config.MaxAge != nil {
		seconds := int(*config.MaxAge / time.Second)
		shown.MaximumEventAgeInSeconds = &seconds
	}
	return shown
}

// given is the ARN of a destination, nil for none.
func given(destination *string) *string {
	if destination == nil || *destination == "" {
		return nil
	}
	return destination
}

// noEventInvoke is the refusal where there is no configuration, be there a function or not.
func (t target) noEventInvoke() error {
	return notFound("The function %s doesn't have an EventInvokeConfig", latest(t.arn))
}

func (s *service) getEventInvoke(r *request, _ *functionInput) (any, error) {
	if r.target.missing != nil || r.target.function.EventInvoke[eventQualifier(r.target.arn)] == nil {
		return nil, r.target.noEventInvoke()
	}
	return eventInvokeOf(r.target.arn, r.target.function.EventInvoke[eventQualifier(r.target.arn)]), nil
}

func (s *service) deleteEventInvoke(r *request, _ *functionInput) (any, error) {
	if r.target.missing != nil {
		return nil, r.target.noEventInvoke()
	}
	return nil, controlplane.Change(r.Call, r.current, func(_ *state.Snapshot, function *lambda.Function) error {
		qualifier := eventQualifier(r.target.arn)
		if function.EventInvoke[qualifier] == nil {
			return r.target.noEventInvoke()
		}
		delete(function.EventInvoke, qualifier)
		return nil
	})
}

func (s *service) listEventInvoke(r *request, in *listOfFunctionInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, notFound("The function doesn't exist.")
	}
	page, next, err := cut(in.Page, "event-invoke", qualifiers(function.EventInvoke), sortedQualifier)
	if err != nil {
		return nil, err
	}
	shown := make([]eventInvoke, len(page))
	for i, qualifier := range page {
		arn := function.ARN
		arn.Qualifier = qualifier
		shown[i] = eventInvokeOf(arn, function.EventInvoke[qualifier])
	}
	return struct {
		FunctionEventInvokeConfigs []eventInvoke
		NextMarker                 string `json:",omitempty"`
	}{shown, next}, nil
}

// qualifiers are the keys of what a function has for its qualifiers.
func qualifiers[V any](of map[string]V) []string { return slices.Collect(maps.Keys(of)) }

// sortedQualifier is the key that sorts $LATEST first, then versions by their numbers, then aliases by their names.
func sortedQualifier(qualifier string) string {
	name := lambda.ARN{Qualifier: qualifier}
	switch {
	case qualifier == "" || qualifier == lambda.Latest:
		return "0"
	case name.IsVersion():
		return "1" + strings.Repeat("0", max(0, 20-len(qualifier))) + qualifier
	}
	return "2" + qualifier
}
