package awsapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// repaired is a policy's text as AWS would have written it. Some endpoints that stand in for AWS put the parameters of
// AddPermission into the statement as they came (moto/awslambda/policy.py: a bare ARN as Principal, FunctionUrlAuthType
// and InvokedViaFunctionUrl as elements), which no policy language reads. AWS's own text is returned as it is.
func repaired(text string) string {
	var document struct {
		Version   string
		ID        string `json:"Id,omitempty"`
		Statement []map[string]any
	}
	if json.Unmarshal([]byte(text), &document) != nil {
		return text
	}
	changed := false
	for _, statement := range document.Statement {
		changed = repairPrincipal(statement) || changed
		changed = repairCondition(statement, "FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType") || changed
		changed = repairCondition(statement, "InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl") || changed
	}
	if !changed {
		return text
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(document) != nil {
		return text
	}
	return strings.TrimSuffix(written.String(), "\n")
}

// repairPrincipal puts a bare principal where policies have it.
func repairPrincipal(statement map[string]any) (changed bool) {
	bare, ok := statement["Principal"].(string)
	if !ok || bare == "*" {
		return false
	}
	kind := "AWS"
	if strings.HasSuffix(bare, ".amazonaws.com") {
		kind = "Service"
	}
	statement["Principal"] = map[string]string{kind: bare}
	return true
}

// repairCondition moves an element that is a parameter of AddPermission into the conditions.
func repairCondition(statement map[string]any, element, operator, key string) (changed bool) {
	value, ok := statement[element]
	if !ok {
		return false
	}
	conditions, ok := object(statement, "Condition")
	if !ok {
		return false
	}
	keys, ok := object(conditions, operator)
	if !ok {
		return false
	}
	if truth, ok := value.(bool); ok {
		value = strconv.FormatBool(truth)
	}
	keys[key], conditions[operator], statement["Condition"] = value, keys, conditions
	delete(statement, element)
	return true
}

// object is the member of the name, empty if there is none; ok is false if it is no object.
func object(of map[string]any, name string) (found map[string]any, ok bool) {
	if of[name] == nil {
		return map[string]any{}, true
	}
	found, ok = of[name].(map[string]any)
	return found, ok
}
