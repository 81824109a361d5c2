import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});
const stack2 = new cdk.Stack(app, 'FunctionUrlGrant2', {
  env: { account: "210987654321", region: "eu-central-1" },
});

// Lets 210987654321 call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
new lambda.CfnPermission(stack, 'BooksAccount210987654321CallUrl69C1768D', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunctionUrl",
  principal: "210987654321",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack, 'BooksAccount210987654321InvokeViaUrlD415C797', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunction",
  principal: "210987654321",
  invokedViaFunctionUrl: true,
});
new iam.CfnManagedPolicy(stack2, 'FurlCallBooks89ef4567Policy62AAA724', {
  managedPolicyName: "furl-call-books-89ef4567",
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
