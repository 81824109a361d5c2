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

// Lets arn:aws:iam::210987654321:role/far call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
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
          "AWS": "arn:aws:iam::210987654321:role/far"
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
          "AWS": "arn:aws:iam::210987654321:role/far"
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
new iam.CfnRolePolicy(stack2, 'FarFurlCallBooks89ef4567Policy52C2778B', {
  roleName: "far",
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
