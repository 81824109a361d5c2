package awsapi

import (
	"bytes"
	"encoding/json"
	"strings"
)

// repaired is a policy's text as AWS would have written it. Some endpoints that stand in for AWS put the parameters of
// AddPermission into the statement as they came (moto/awslambda/policy.py: a bare ARN as Principal, FunctionUrlAuthType
// and InvokedViaFunctionUrl as elements), which no policy language reads. AWS's own text is returned as it is.
func repaired(text string) string {
	var document struct {
		Version   string
		ID        string `json:"Id,omitempty"`
		Statement []map[string]json.RawMessage
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
func repairPrincipal(statement map[string]json.RawMessage) (changed bool) {
	var bare string
	if json.Unmarshal(statement["Principal"], &bare) != nil || bare == "*" {
		return false
	}
	kind := "AWS"
	if strings.HasSuffix(bare, ".amazonaws.com") {
		kind = "Service"
	}
	named, err := json.Marshal(map[string]string{kind: bare})
	if err != nil {
		return false
	}
	statement["Principal"] = named
	return true
}

// repairCondition moves an element that is a parameter of AddPermission into the conditions.
func repairCondition(statement map[string]json.RawMessage, element, operator, key string) (changed bool) {
	value, ok := statement[element]
	if !ok {
		return false
	}
	conditions := map[string]map[string]json.RawMessage{}
	if given, ok := statement["Condition"]; ok && json.Unmarshal(given, &conditions) != nil {
		return false
	}
	if conditions[operator] == nil {
		conditions[operator] = map[string]json.RawMessage{}
	}
	if string(value) == "true" || string(value) == "false" {
		value = json.RawMessage(`"` + string(value) + `"`)
	}
	conditions[operator][key] = value
	written, err := json.Marshal(conditions)
	if err != nil {
		return false
	}
	delete(statement, element)
	statement["Condition"] = written
	return true
}
