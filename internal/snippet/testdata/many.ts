import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});
const stack2 = new cdk.Stack(app, 'FunctionUrlGrant2', {
  env: { account: "123456789012", region: "us-east-1" },
});

// Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:eu-central-1:123456789012:function:a-b.
new lambda.CfnPermission(stack, 'ABCCallUrlE6744604', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:a-b",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::123456789012:role/c",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack, 'ABCInvokeViaUrlA91FF2A5', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:a-b",
  action: "lambda:InvokeFunction",
  principal: "arn:aws:iam::123456789012:role/c",
  invokedViaFunctionUrl: true,
});
new iam.CfnRolePolicy(stack, 'CCallABEuCentral1PolicyF1E938FD', {
  roleName: "c",
  policyName: "call-a-b..eu-central-1",
  policyDocument: {
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "CallFunctionUrl",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:a-b",
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
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:a-b",
        "Condition": {
          "Bool": {
            "lambda:InvokedViaFunctionUrl": "true"
          }
        }
      }
    ]
  },
});
// Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:eu-central-1:123456789012:function:a_b.
new lambda.CfnPermission(stack, 'ABCCallUrl08D79663', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:a_b",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::123456789012:role/c",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack, 'ABCInvokeViaUrl45FCB7B6', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:a_b",
  action: "lambda:InvokeFunction",
  principal: "arn:aws:iam::123456789012:role/c",
  invokedViaFunctionUrl: true,
});
new iam.CfnRolePolicy(stack, 'CCallABEuCentral1Policy48924332', {
  roleName: "c",
  policyName: "call-a_b..eu-central-1",
  policyDocument: {
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "CallFunctionUrl",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:a_b",
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
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:a_b",
        "Condition": {
          "Bool": {
            "lambda:InvokedViaFunctionUrl": "true"
          }
        }
      }
    ]
  },
});
// Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:us-east-1:123456789012:function:a-b.
new lambda.CfnPermission(stack2, 'ABCCallUrl06A4C479', {
  functionName: "arn:aws:lambda:us-east-1:123456789012:function:a-b",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::123456789012:role/c",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack2, 'ABCInvokeViaUrlFDE224EE', {
  functionName: "arn:aws:lambda:us-east-1:123456789012:function:a-b",
  action: "lambda:InvokeFunction",
  principal: "arn:aws:iam::123456789012:role/c",
  invokedViaFunctionUrl: true,
});
new iam.CfnRolePolicy(stack, 'CCallABUsEast1Policy5FEB6A51', {
  roleName: "c",
  policyName: "call-a-b..us-east-1",
  policyDocument: {
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "CallFunctionUrl",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:a-b",
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
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:a-b",
        "Condition": {
          "Bool": {
            "lambda:InvokedViaFunctionUrl": "true"
          }
        }
      }
    ]
  },
});
// Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:eu-central-1:123456789012:function:a:b.
new lambda.CfnPermission(stack, 'ABCCallUrl5389BCB4', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:a:b",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::123456789012:role/c",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack, 'ABCInvokeViaUrl80870647', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:a:b",
  action: "lambda:InvokeFunction",
  principal: "arn:aws:iam::123456789012:role/c",
  invokedViaFunctionUrl: true,
});
new iam.CfnRolePolicy(stack, 'CCallABEuCentral1Policy41FAD524', {
  roleName: "c",
  policyName: "call-a.b.eu-central-1",
  policyDocument: {
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "CallFunctionUrl",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:a:b",
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
        "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:a:b",
        "Condition": {
          "Bool": {
            "lambda:InvokedViaFunctionUrl": "true"
          }
        }
      }
    ]
  },
});
