package policyio_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/furl-dev/furl/internal/policyio"
)

func Example() {
	const question = `{"id":"1","principal":"arn:aws:iam::111122223333:user/alice","action":"lambda:InvokeFunctionUrl",` +
		`"resource":"arn:aws:lambda:eu-west-1:111122223333:function:books",` +
		`"context":{"lambda:FunctionUrlAuthType":"AWS_IAM"},"identityPolicies":[{"Version":"2012-10-17",` +
		`"Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}]}`
	if _, err := policyio.Run(context.Background(), strings.NewReader(question), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output: {"id":"1","decision":"Allowed","matched":[{"policy":"identityPolicies[0]","statement":"Statement[0]","effect":"Allow"}],"reason":"allowed by identityPolicies[0].Statement[0]"}
}
