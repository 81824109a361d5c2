import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012" },
});

// Lets user alice call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
new iam.CfnUserPolicy(stack, 'AliceFurlCallBooks89ef4567PolicyDAECDFB0', {
  userName: "alice",
  policyName: "furl-call-books-89ef4567",
  policyDocument: {
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "CallFunctionUrl",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition": {
          "StringEquals": {
            "lambda:FunctionUrlAuthType": "AWS_IAM"
          }
        }
      },
      {
        "Sid": "InvokeViaFunctionUrl",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition": {
          "Bool": {
            "lambda:InvokedViaFunctionUrl": "true"
          }
        }
      }
    ]
  },
});
