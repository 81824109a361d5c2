package urllint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// maxWord is the length up to which a word may be a misspelled name.
const maxWord = 80

// nearest returns the name that a misspelled word is most like; "" if none is like it: one that differs in few letters
// or begins with it, else the shortest that has all letters of the word in their order, else the longest that the word has all letters of.
func nearest(word string, names []string) string {
	if len(word) > maxWord {
		return ""
	}
	word = strings.ToLower(word)
	best, begun, longer, shorter := "", "", "", ""
	least := 0
	for _, name := range names {
		lower := strings.ToLower(name)
		if d := distance(word, lower); best == "" || d < least {
			best, least = name, d
		}
		if isWithin(word, lower) && (longer == "" || len(name) < len(longer)) {
			longer = name
		}
		if word != "" && strings.HasPrefix(lower, word) && (begun == "" || len(name) < len(begun)) {
			begun = name
		}
		if isWithin(lower, word) && len(name) > len(shorter) {
			shorter = name
		}
	}
	if isLike(word, best) {
		return cmp.Or(begun, best)
	}
	return cmp.Or(longer, shorter)
}

// isLike reports whether two words differ in a quarter of their letters at most, or in one.
func isLike(word, name string) bool {
	return len(word) <= maxWord && distance(strings.ToLower(word), strings.ToLower(name)) <= max(1, len(name)/4)
}

// isWithin reports whether name has all letters of word, at least six, in their order, and begins or ends with some.
func isWithin(word, name string) bool {
	if len(word) < 6 || len(name) < 6 || name[:3] != word[:3] && !strings.HasSuffix(name, word) {
		return false
	}
	for i := range len(name) {
		if word != "" && word[0] == name[i] {
			word = word[1:]
		}
	}
	return word == ""
}

// distance is the number of letters to add, drop, change or swap with the next that makes one word of the other.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// lambdaActions are the actions of AWS Lambda: the operations of its API model, but for those that ask for another
// action, and what the Service Authorization Reference has besides.
var lambdaActions = strings.Fields(`AddLayerVersionPermission AddPermission CheckpointDurableExecution CreateAlias
	CreateCapacityProvider CreateCodeSigningConfig CreateEventSourceMapping CreateFunction CreateFunctionUrlConfig
	DeleteAlias DeleteCapacityProvider DeleteCodeSigningConfig DeleteEventSourceMapping DeleteFunction
	DeleteFunctionCodeSigningConfig DeleteFunctionConcurrency DeleteFunctionEventInvokeConfig DeleteFunctionUrlConfig
	DeleteLayerVersion DeleteProvisionedConcurrencyConfig DeleteResourcePolicy DisableReplication EnableReplication
	GetAccountSettings GetAlias GetCapacityProvider GetCodeSigningConfig GetDurableExecution GetDurableExecutionHistory
	GetDurableExecutionState GetEventSourceMapping GetFunction GetFunctionCodeSigningConfig GetFunctionConcurrency
	GetFunctionConfiguration GetFunctionEventInvokeConfig GetFunctionRecursionConfig GetFunctionScalingConfig
	GetFunctionUrlConfig GetLayerVersion GetLayerVersionPolicy GetPolicy GetProvisionedConcurrencyConfig
	GetPublicAccessBlockConfig GetResourcePolicy GetRuntimeManagementConfig InvokeAsync InvokeFunction InvokeFunctionUrl
	InvokeWebFunctionEndpoint ListAliases ListCapacityProviders ListCodeSigningConfigs ListDurableExecutionsByFunction
	ListEventSourceMappings ListFunctionEventInvokeConfigs ListFunctionUrlConfigs ListFunctionVersionsByCapacityProvider
	ListFunctions ListFunctionsByCodeSigningConfig ListLayerVersions ListLayers ListProvisionedConcurrencyConfigs
	ListTags ListVersionsByFunction PassCapacityProvider PublishLayerVersion PublishVersion PutFunctionCodeSigningConfig
	PutFunctionConcurrency PutFunctionEventInvokeConfig PutFunctionRecursionConfig PutFunctionScalingConfig
	PutProvisionedConcurrencyConfig PutPublicAccessBlockConfig PutResourcePolicy PutRuntimeManagementConfig
	RemoveLayerVersionPermission RemovePermission SendDurableExecutionCallbackFailure
	SendDurableExecutionCallbackHeartbeat SendDurableExecutionCallbackSuccess StopDurableExecution TagResource
	UntagResource UpdateAlias UpdateCapacityProvider UpdateCodeSigningConfig UpdateEventSourceMapping UpdateFunctionCode
	UpdateFunctionCodeSigningConfig UpdateFunctionConfiguration UpdateFunctionEventInvokeConfig
	UpdateFunctionUrlConfig`)

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

// nearestAction returns the name of the action of Lambda that a name or pattern is, or is most like; "" if there is none.
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
	return slices.ContainsFunc(lambdaActions, func(known string) bool { return policy.MatchAction("lambda:"+name, "lambda:"+known) })
}
