package snippet_test

import (
	"fmt"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
)

func ExamplePermission() {
	permission := snippet.Permission{
		Function: lambda.ARN{Region: "eu-central-1", Account: "123456789012", Name: "books"},
		Permission: lambda.Permission{
			StatementID: "everyone", Action: lambda.ActionInvokeURL,
			Principal: lambda.PermissionPrincipal{Anyone: true}, FunctionURLAuthType: lambda.AuthNone,
		},
	}
	fmt.Println(permission.As(snippet.CloudFormation))
	// Output:
	// BooksEveryoneCallUrl7C88DE1C:
	//   Type: AWS::Lambda::Permission
	//   Properties:
	//     FunctionName: arn:aws:lambda:eu-central-1:123456789012:function:books
	//     Action: lambda:InvokeFunctionUrl
	//     Principal: "*"
	//     FunctionUrlAuthType: NONE
}
