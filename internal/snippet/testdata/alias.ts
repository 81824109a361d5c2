import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});

// Lets arn:aws:iam::123456789012:role/team/caller call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books:prod.
new lambda.CfnPermission(stack, 'BooksProdCallerCallUrlC0DBDBE3', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books:prod",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::123456789012:role/team/caller",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack, 'BooksProdCallerInvokeViaUrlEC4BED57', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books:prod",
  action: "lambda:InvokeFunction",
  principal: "arn:aws:iam::123456789012:role/team/caller",
  invokedViaFunctionUrl: true,
});
