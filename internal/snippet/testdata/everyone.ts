import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});

// Lets * call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
new lambda.CfnPermission(stack, 'BooksEveryoneCallUrlD045EC67', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunctionUrl",
  principal: "*",
  functionUrlAuthType: "NONE",
});
new lambda.CfnPermission(stack, 'BooksEveryoneInvokeViaUrl58B16638', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunction",
  principal: "*",
  invokedViaFunctionUrl: true,
});
