import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});

// Lets arn:aws:iam::123456789012:role/team/caller call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
new lambda.CfnResourcePolicy(stack, 'BooksFunctionPolicy13E50E29', {
  resourceArn: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  policyDocument: {
    "Version": "2012-10-17",
    "Id": "default",
    "Statement": [
      {
        "Sid": "OfficeOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition": {
          "NotIpAddress": {
            "aws:SourceIp": "192.0.2.0/24"
          }
        }
      },
      {
        "Sid": "furl-caller-0123abcd-url",
        "Effect": "Allow",
        "Principal": {
          "AWS": "arn:aws:iam::123456789012:role/team/caller"
        },
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition": {
          "StringEquals": {
            "lambda:FunctionUrlAuthType": "AWS_IAM"
          }
        }
      },
      {
        "Sid": "furl-caller-0123abcd-invoke",
        "Effect": "Allow",
        "Principal": {
          "AWS": "arn:aws:iam::123456789012:role/team/caller"
        },
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
