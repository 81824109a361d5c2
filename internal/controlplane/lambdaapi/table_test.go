//go:build unix

package lambdaapi_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

// samples are values of members that furl does not have; those that are not here are strings.
var samples = map[string]string{
	"AcceleratorConfig":      `{"AcceleratorCount":1}`,
	"CapacityProviderConfig": `{"LambdaManagedInstancesCapacityProviderConfig":{"CapacityProviderArn":"arn:aws:lambda:x"}}`,
	"DeadLetterConfig":       `{"TargetArn":"arn:aws:sqs:eu-west-1:123456789012:q"}`,
	"DurableConfig":          `{"RetentionPeriodInDays":7}`,
	"FileSystemConfigs":      `[{"Arn":"arn:aws:elasticfilesystem:x","LocalMountPath":"/mnt/x"}]`,
	"ImageConfig":            `{"Command":["x"]}`,
	"Publish":                `true`,
	"RuntimeConfig":          `{"Newer":true}`,
	"TenancyConfig":          `{"TenantIsolationMode":"PER_TENANT"}`,
	"VpcConfig":              `{"SubnetIds":["subnet-1"]}`,
}

// TestTable holds the table against the model: a member that the model has is in the input or refused by its name.
func TestTable(t *testing.T) {
	faults, refused := lambdaapi.Table().Check()
	for _, fault := range faults {
		t.Error(fault)
	}
	s := start(t)
	s.create("books")
	for _, name := range refused {
		operation, member, _ := strings.Cut(name, ".")
		parent, leaf, nested := strings.Cut(member, ".")
		if !nested {
			leaf = member
		}
		value := samples[leaf]
		if value == "" {
			value = `"x"`
		}
		r := request{method: "PUT", path: "/2015-03-31/functions/books/code", body: `{"ZipFile":"UEs=","` + member + `":` + value + `}`}
		switch operation {
		case "CreateFunction":
			r.method, r.path = "POST", "/2015-03-31/functions"
			r.body = createBody("new", `,"`+member+`":`+value)
			if nested {
				r.body = strings.Replace(createBody("new", ""), `"`+parent+`":{`, `"`+parent+`":{"`+leaf+`":`+value+`,`, 1)
			}
		case "UpdateFunctionConfiguration":
			r.path, r.body = "/2015-03-31/functions/books/configuration", `{"`+member+`":`+value+`}`
		case "PublishLayerVersion":
			r = request{method: "POST", path: "/2018-10-31/layers/l/versions", body: `{"Content":{"` + leaf + `":` + value + `}}`}
		case "Invoke":
			r = request{method: "POST", path: "/2015-03-31/functions/books/invocations", body: `{}`,
				header: map[string]string{"X-Amz-Durable-Execution-Name": "x"}}
		}
		got := s.do(r)
		if got.status != 400 || !strings.Contains(got.body, "furl does not support "+member+": ") {
			t.Errorf("%s: %d %s\n%s", name, got.status, got.body, r.body)
		}
	}
}
