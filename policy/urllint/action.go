package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// namesLambda reports whether the statement lists an action of Lambda, or one that seems to be.
func (s *statement) namesLambda() bool {
	return slices.ContainsFunc(s.meantActions, func(pattern string) bool {
		service, _, _ := strings.Cut(pattern, ":")
		return strings.EqualFold(service, "lambda")
	})
}

// actionCharacters are those of the names of actions, and wildcards.
const actionCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*?"

// invalidAction finds names that are no actions of Lambda, and text that is the name of no action at all.
func invalidAction(p *pass) {
	for i, pattern := range p.Actions {
		service, name, found := strings.Cut(pattern, ":")
		if !strings.EqualFold(service, "lambda") {
			if found && (name == "" || strings.Trim(name, actionCharacters) != "") {
				p.report("no action has a name like "+quote(name)+"; AWS takes the text, and it matches nothing",
					"remove it, or write the name of an action", p.withoutActions(pattern)...)
				p.doubt()
			}
			continue
		}
		if isActionOfLambda(name) {
			continue
		}
		near := nearestAction(name)
		if near == "" {
			p.report("Lambda has no action "+quote(name)+" that furl knows; AWS takes the text, and it matches nothing",
				"remove it, or write the name of an action, such as "+actionInvokeURL, p.withoutActions(pattern)...)
			p.doubt()
			continue
		}
		p.report("Lambda has no action "+quote(name)+"; did you mean "+near+"? AWS takes the text, and it matches nothing",
			"write "+quote("lambda:"+near), p.changed(func(c *policy.Statement) { c.Actions[i] = "lambda:" + near }))
	}
}

// invalidService finds actions of function URLs with another service before the colon.
func invalidService(p *pass) {
	for i, pattern := range p.Actions {
		if meant := p.meantActions[i]; isLikeLambda(serviceOf(pattern)) && meant != pattern {
			p.report("no service "+quote(serviceOf(pattern))+" has the action "+nameOf(meant)+"; did you mean lambda?",
				"write "+quote(meant), p.changed(func(c *policy.Statement) { c.Actions[i] = meant }))
		}
	}
}

// foreignAction finds actions of other services in the policy of a function.
func foreignAction(p *pass) {
	elsewhere := func(r string) bool { return !strings.Contains(r, ":lambda:") }
	if p.NotAction || slices.ContainsFunc(p.meantResources, elsewhere) {
		return
	}
	for i, pattern := range p.Actions {
		if service := serviceOf(p.meantActions[i]); service == "*" || strings.EqualFold(service, "lambda") {
			continue
		}
		p.report("the policy of a function is not asked about "+quote(pattern)+", which is no action of Lambda", "remove it",
			p.withoutActions(pattern)...)
	}
}

func serviceOf(pattern string) string {
	service, _, _ := strings.Cut(pattern, ":")
	return service
}

func nameOf(pattern string) string {
	_, name, _ := strings.Cut(pattern, ":")
	return name
}

// withoutActions is the statement without some of its actions: nothing if none remain.
func (s *statement) withoutActions(actions ...string) []policy.Statement {
	return s.narrowed(without(s.Actions, actions...), s.NotAction, func(c *policy.Statement, rest []string, not bool) {
		c.Actions, c.NotAction = rest, not
	})
}

// narrowed is the statement with what is left of one of its lists: nothing if that is empty, since nothing matches it
// then; everything if the list says what is not meant.
func (s *statement) narrowed(rest []string, not bool, set func(c *policy.Statement, rest []string,
	not bool)) []policy.Statement {
	switch {
	case len(rest) > 0:
	case not:
		rest, not = []string{"*"}, false
	default:
		return nil
	}
	return []policy.Statement{s.changed(func(c *policy.Statement) { set(c, rest, not) })}
}

// redundantAction finds actions that another one of the list covers.
func redundantAction(p *pass) {
	redundant(p, p.Actions, "action", func(pattern string) func(string) bool {
		return func(action string) bool { return policy.MatchAction(pattern, action) }
	}, func(c *policy.Statement, list []string) { c.Actions = list })
}

// redundantResource finds resources that another one of the list covers.
func redundantResource(p *pass) {
	redundant(p, p.Resources, "resource", coversARN, func(c *policy.Statement, list []string) { c.Resources = list })
}

// redundant finds elements of a list that another one covers: the later one of two that are the same. Only patterns
// with wildcards cover others than themselves.
func redundant(p *pass, list []string, what string, covers func(string) func(string) bool, set func(*policy.Statement,
	[]string)) {
	first := map[string]bool{}
	wide := map[string]func(string) bool{}
	for _, element := range list {
		if strings.ContainsAny(element, "*?") {
			wide[element] = covers(element)
		}
	}
	for i, element := range list {
		by := ""
		for pattern, covers := range wide {
			if covers(element) && (wide[element] == nil || !wide[element](pattern)) && (by == "" || pattern < by) {
				by = pattern
			}
		}
		if by == "" && first[element] {
			by = element
		}
		first[element] = true
		if by != "" {
			p.report("the "+what+" "+quote(element)+" is redundant: "+quote(by)+" covers it", "remove it",
				p.changed(func(c *policy.Statement) { set(c, slices.Delete(slices.Clone(list), i, i+1)) }))
		}
	}
}

// redundantStatement finds statements of a document that say what an earlier one says.
func redundantStatement(p *pass) {
	if p.twin != "" {
		p.report("the statement says what "+p.twin+" says", "remove it")
	}
}

// lambdaActions are the actions of AWS Lambda: the operations of its API model, but for those that ask for another
// action, and what the Service Authorization Reference has besides.
var lambdaActions = strings.Fields(`
	AddLayerVersionPermission AddPermission CheckpointDurableExecution CreateAlias CreateCapacityProvider
	CreateCodeSigningConfig CreateEventSourceMapping CreateFunction CreateFunctionUrlConfig DeleteAlias
	DeleteCapacityProvider DeleteCodeSigningConfig DeleteDurableExecution DeleteEventSourceMapping DeleteFunction
	DeleteFunctionCodeSigningConfig DeleteFunctionConcurrency DeleteFunctionEventInvokeConfig
	DeleteFunctionUrlConfig DeleteLayerVersion DeleteProvisionedConcurrencyConfig DeleteResourcePolicy
	DisableReplication EnableReplication GetAccountSettings GetAlias GetCapacityProvider GetCodeSigningConfig
	GetDurableExecution GetDurableExecutionHistory GetDurableExecutionState GetEventSourceMapping GetFunction
	GetFunctionCodeSigningConfig GetFunctionConcurrency GetFunctionConfiguration GetFunctionEventInvokeConfig
	GetFunctionRecursionConfig GetFunctionScalingConfig GetFunctionUrlConfig GetLayerVersion GetLayerVersionPolicy
	GetPolicy GetProvisionedConcurrencyConfig GetPublicAccessBlockConfig GetResourcePolicy
	GetRuntimeManagementConfig InvokeAsync InvokeFunction InvokeFunctionUrl InvokeWebFunctionEndpoint ListAliases
	ListCapacityProviders ListCodeSigningConfigs ListDurableExecutionsByFunction ListEventSourceMappings
	ListFunctionEventInvokeConfigs ListFunctionUrlConfigs ListFunctionVersionsByCapacityProvider ListFunctions
	ListFunctionsByCodeSigningConfig ListLayerVersions ListLayers ListProvisionedConcurrencyConfigs ListTags
	ListVersionsByFunction PassCapacityProvider PauseDurableExecution PublishLayerVersion PublishVersion
	PutFunctionCodeSigningConfig PutFunctionConcurrency PutFunctionEventInvokeConfig PutFunctionRecursionConfig
	PutFunctionScalingConfig PutProvisionedConcurrencyConfig PutPublicAccessBlockConfig PutResourcePolicy
	PutRuntimeManagementConfig RemoveLayerVersionPermission RemovePermission ResumeDurableExecution
	SendDurableExecutionCallbackFailure SendDurableExecutionCallbackHeartbeat SendDurableExecutionCallbackSuccess
	StopDurableExecution TagResource UntagResource UpdateAlias UpdateCapacityProvider UpdateCodeSigningConfig
	UpdateEventSourceMapping UpdateFunctionCode UpdateFunctionCodeSigningConfig UpdateFunctionConfiguration
	UpdateFunctionEventInvokeConfig UpdateFunctionUrlConfig`)

// operations are operations of Lambda's API that ask for an action of another name (Lambda API Reference, Invoke:
// "To invoke a function … permission for the lambda:InvokeFunction action").
var operations = map[string]string{
	"invoke": "InvokeFunction", "invokewithresponsestream": "InvokeFunction", "getlayerversionbyarn": "GetLayerVersion",
}

// meantAction returns the action that a pattern stands for, misspelled or not.
func meantAction(pattern string) string {
	service, name, _ := strings.Cut(pattern, ":")
	if !strings.EqualFold(service, "lambda") && !isLikeLambda(service) {
		return pattern
	}
	near := nearestAction(name)
	if near == "" || isLikeLambda(service) && !strings.HasPrefix(near, "Invoke") {
		return pattern
	}
	return "lambda:" + near
}

// isLikeLambda reports whether lambda may be meant by the service of an action of function URLs that is not spelled so:
// no other service has these actions.
func isLikeLambda(service string) bool {
	return !strings.EqualFold(service, "lambda") && !strings.ContainsAny(service, "*?") &&
		(isLike(service, "lambda") || strings.Contains(strings.ToLower(service), "lambda"))
}

// nearestAction returns the name of the action of Lambda that a name or pattern is, or is most like; "" if there is
// none.
func nearestAction(name string) string {
	name = strings.TrimSpace(name)
	switch {
	case isActionOfLambda(name):
		return name
	case operations[strings.ToLower(name)] != "":
		return operations[strings.ToLower(name)]
	}
	return nearest(strings.TrimRight(name, "*?"), lambdaActions)
}

// isActionOfLambda reports whether a name or pattern stands for an action of Lambda.
func isActionOfLambda(name string) bool {
	if !strings.ContainsAny(name, "*?") {
		return slices.ContainsFunc(lambdaActions, func(known string) bool { return strings.EqualFold(known, name) })
	}
	return slices.ContainsFunc(lambdaActions, func(known string) bool {
		return policy.MatchAction("lambda:"+name,
			"lambda:"+known)
	})
}
