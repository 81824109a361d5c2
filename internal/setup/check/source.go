package check

import (
	"path"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/policy"
)

// The keys in which a service names what it calls for.
const (
	keySourceARN     = "aws:SourceArn"
	keySourceAccount = "aws:SourceAccount"
)

// findSource decides for which resource a service calls: for the one that the question names, else for the first one in
// the function's policy that the policy lets in, else for the first one that the policy names.
func (r *run) findSource() {
	if r.subject.kind != policy.Service {
		return
	}
	candidates := r.sources()
	r.source = candidates[0]
	for _, candidate := range candidates {
		r.source = candidate
		if r.admits() {
			return
		}
	}
	r.source = candidates[0]
}

// admits reports whether the policies allow both actions as things are known.
func (r *run) admits() bool {
	for _, action := range setup.Actions {
		request, sets := r.request(action, r.factsOf(action))
		if policy.Evaluate(request, sets).Effect != policy.Allowed {
			return false
		}
	}
	return true
}

// sources are the resources that the service may call for: at least one, whose keys may be unknown. A resource whose
// ARN has an account is of that account, whatever a condition on aws:SourceAccount says.
func (r *run) sources() (sources []policy.Values) {
	arns, ok := r.Context.Lookup(keySourceARN)
	if !ok {
		arns = r.conditionValues(keySourceARN)
	}
	accounts, ok := r.Context.Lookup(keySourceAccount)
	if !ok {
		accounts = r.conditionValues(keySourceAccount)
	}
	for _, source := range arns {
		if account := arn.AccountOf(source); account != "" {
			sources = append(sources, policy.Values{keySourceARN: {source}, keySourceAccount: {account}})
			continue
		}
		for _, account := range accounts {
			sources = append(sources, policy.Values{keySourceARN: {source}, keySourceAccount: {account}})
		}
		if len(accounts) == 0 {
			sources = append(sources, policy.Values{keySourceARN: {source}})
		}
	}
	if len(arns) == 0 {
		for _, account := range accounts {
			sources = append(sources, policy.Values{keySourceAccount: {account}})
		}
	}
	if len(sources) == 0 {
		sources = []policy.Values{nil}
	}
	return sources
}

// conditionValues are the values that the statements of the function's policy compare the key with, wildcards filled
// in.
func (r *run) conditionValues(key string) (values []string) {
	if r.resource.named == nil {
		return nil
	}
	for _, s := range r.sets.statements[r.resource.named.Document] {
		for _, condition := range s.Conditions {
			operator := strings.ToLower(condition.Operator[strings.IndexByte(condition.Operator, ':')+1:])
			negated := strings.Contains(operator, "not")
			if !strings.EqualFold(condition.Key, key) || operator == "null" || negated != s.Denies() {
				continue
			}
			for _, value := range condition.Values {
				if value = r.example(key, value); value != "" && !slices.Contains(values, value) {
					values = append(values, value)
				}
			}
		}
	}
	return values
}

// example is a value of the key that the pattern matches: of the function's account, where it leaves the account open.
// A pattern with a variable has none.
func (r *run) example(key, pattern string) string {
	account := func(pattern string) string {
		if matched, _ := path.Match(pattern, r.function.Account); matched {
			return r.function.Account
		}
		return pattern
	}
	switch {
	case strings.Contains(pattern, "${"):
		return ""
	case key == keySourceAccount:
		return account(pattern)
	case strings.Trim(pattern, "*") == "":
		return "arn:" + r.function.Partition() + ":cloudfront::" + r.function.Account + ":distribution/EXAMPLE"
	}
	fields := strings.SplitN(pattern, ":", 6)
	if len(fields) == 6 {
		fields[4] = account(fields[4])
	}
	return strings.NewReplacer("*", "EXAMPLE", "?", "0").Replace(strings.Join(fields, ":"))
}

// sourceARN is the resource that the service calls for; "" if it is not known.
func (r *run) sourceARN() string {
	values, _ := r.factsOf("").Lookup(keySourceARN)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// tellSource says for which resource the service is taken to call.
func (r *run) tellSource() []string {
	var told []string
	for _, key := range []string{keySourceARN, keySourceAccount} {
		if values := r.source[key]; values != nil {
			told = append(told, key+" "+strings.Join(values, ", "))
		}
	}
	if len(told) == 0 {
		return nil
	}
	return []string{"as a call for " + strings.Join(told, " and ")}
}
