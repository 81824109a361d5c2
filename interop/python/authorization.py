"""Asks a running server the cases of policy/testdata/evaluation-logic.json, with boto3 and botocore alone.

A JSON object comes on standard input: the cases, each with the accounts of the function and of the caller; the root
keys of the accounts; and the actions that the policies are about. For each case a line of JSON goes to standard output:
how the server answered, and who it was that asked. Endpoint and region are those of the environment.
"""

import io
import json
import sys
import traceback
import zipfile
from functools import cached_property

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
TASK = json.load(sys.stdin)
ACTIONS = TASK["actions"]
REGION = boto3.session.Session().region_name

HANDLER = """
def handler(event, context):
    return {"caller": event["requestContext"].get("authorizer", {}).get("iam", {}).get("userArn", "")}
"""


def package():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("main.py", HANDLER)
    return out.getvalue()


# A function that says who called it.
CODE = {"Runtime": "python%d.%d" % sys.version_info[:2], "Handler": "main.handler", "Code": {"ZipFile": package()}}


def client(service, keys):
    return boto3.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
        config=CONFIG,
    )


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def about(effect):
    """A policy of a case: it allows or denies the actions, or does not speak of them."""
    if effect == "none":
        return document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    return document({"Effect": effect, "Action": ACTIONS, "Resource": "*"})


def allow(action):
    return document({"Effect": "Allow", "Action": action, "Resource": "*"})


def trust(principal):
    """A statement of a trust policy."""
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}


class Account:
    """An account as its root user sees it, with what all of its cases share."""

    def __init__(self, id, keys):
        self.id, self.keys = id, keys
        self.iam, self.lam = client("iam", keys), client("lambda", keys)
        self.urls, self.policies = {}, {}

    @cached_property
    def execution_role(self):
        lambda_may = document(trust({"Service": "lambda.amazonaws.com"}))
        return self.iam.create_role(RoleName="execution", AssumeRolePolicyDocument=lambda_may)["Role"]["Arn"]

    @cached_property
    def assistant(self):
        """The STS client of somebody who may assume every role of the account."""
        self.iam.create_user(UserName="assistant")
        self.iam.put_user_policy(UserName="assistant", PolicyName="assume", PolicyDocument=allow("sts:AssumeRole"))
        return client("sts", self.iam.create_access_key(UserName="assistant")["AccessKey"])

    def url(self, auth_type):
        """The URL of the account's function with the auth type, which is also the function's name."""
        if auth_type not in self.urls:
            self.lam.create_function(FunctionName=auth_type, Role=self.execution_role, Timeout=30, **CODE)
            waiter = self.lam.get_waiter("function_active_v2")
            waiter.wait(FunctionName=auth_type, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
            made = self.lam.create_function_url_config(FunctionName=auth_type, AuthType=auth_type)
            self.urls[auth_type] = made["FunctionUrl"]
        return self.urls[auth_type]

    def managed(self, effect):
        """The ARN of a managed policy."""
        if effect not in self.policies:
            made = self.iam.create_policy(PolicyName=f"managed-{effect}", PolicyDocument=about(effect))
            self.policies[effect] = made["Policy"]["Arn"]
        return self.policies[effect]


ACCOUNTS = {id: Account(id, keys) for id, keys in TASK["accounts"].items()}


class Case:
    """One case. Its users and roles are its own; what it adds to a function's policy it takes away again."""

    def __init__(self, case):
        self.id, self.caller, self.instead = case["ID"], case["Caller"], case["Instead"]
        self.identity, self.boundary, self.session = case["Identity"], case["Boundary"], case["Session"]
        self.owner, self.home = ACCOUNTS[case["Owner"]], ACCOUNTS[case["Home"]]
        self.effect, _, names = case["Resource"].partition(" ")
        self.element = "NotPrincipal" if names.startswith("not ") else "Principal"
        self.names = names.removeprefix("not ").split()
        self.people = {}

    # Users and roles

    def name(self, who):
        return f"{who}-{self.id}"

    def user(self, who):
        """alice of the function's account, or eve of another."""
        if who not in self.people:
            iam = (self.owner if who == "alice" else self.home).iam
            self.people[who] = iam.create_user(UserName=self.name(who), Path="/staff/")["User"]
        return self.people[who]

    def role(self):
        """robot, which its whole account may assume."""
        if "robot" not in self.people:
            name, all_may = self.name("robot"), document(trust({"AWS": self.owner.id}))
            made = self.owner.iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=all_may)
            self.people["robot"] = made["Role"]
        return self.people["robot"]

    def principal(self, name):
        """The type of a principal and what resource-based policies call it."""
        who, _, what = name.partition(".")
        if who in ("alice", "eve"):
            return "AWS", self.user(who)["UserId" if what == "id" else "Arn"]
        if name == "robot.session":
            return "AWS", f"arn:aws:sts::{self.owner.id}:assumed-role/{self.name('robot')}/s1"
        if who == "robot":
            return "AWS", self.role()["RoleId" if what == "id" else "Arn"]
        return {
            "guest": ("AWS", f"arn:aws:sts::{self.owner.id}:federated-user/guest"),
            "account": ("AWS", self.owner.id),
            "root": ("AWS", f"arn:aws:iam::{self.owner.id}:root"),
            "stranger": ("AWS", self.home.id),
            "anybody": ("AWS", "*"),  # in AddPermission the same as everyone
            "service": ("Service", "lambda.amazonaws.com"),
            "s3": ("Service", "s3.amazonaws.com"),
        }[name]

    def make_again(self):
        """Deletes the principals that the policy names as former ones, and makes new ones with their names."""
        for who in [name.removesuffix(".former") for name in self.names if name.endswith(".former")]:
            former = self.people.pop(who)
            if who == "robot":
                self.owner.iam.delete_role(RoleName=self.name(who))
                assert self.role()["Arn"] == former["Arn"]
            else:
                self.owner.iam.delete_user(UserName=self.name(who))
                assert self.user(who)["Arn"] == former["Arn"]

    def keys(self):
        """Gives the caller its policies, and returns its keys."""
        if self.caller in ("root", "foreign"):
            return self.home.keys
        return self.session_keys() if self.caller == "robot" else self.user_keys()

    def session_keys(self):
        iam, role = self.owner.iam, {"RoleName": self.role()["RoleName"]}
        if self.identity:
            iam.attach_role_policy(PolicyArn=self.owner.managed(self.identity), **role)
        if self.boundary:
            iam.put_role_permissions_boundary(PermissionsBoundary=self.owner.managed(self.boundary), **role)
        session = {"RoleArn": self.role()["Arn"], "RoleSessionName": "s1"}
        return self.owner.assistant.assume_role(**session, **self.limits())["Credentials"]

    def user_keys(self):
        who = "alice" if self.caller == "guest" else self.caller
        iam, user = self.home.iam, {"UserName": self.user(who)["UserName"]}
        keys = iam.create_access_key(**user)["AccessKey"]
        if self.caller == "guest":
            # What allows alice this is no policy of the case.
            iam.put_user_policy(PolicyName="federate", PolicyDocument=allow("sts:GetFederationToken"), **user)
            keys = client("sts", keys).get_federation_token(Name="guest", **self.limits())["Credentials"]
            iam.delete_user_policy(PolicyName="federate", **user)
        if self.identity:
            iam.put_user_policy(PolicyName="identity", PolicyDocument=about(self.identity), **user)
        if self.boundary:
            iam.put_user_permissions_boundary(PermissionsBoundary=self.home.managed(self.boundary), **user)
        return keys

    def limits(self):
        return {"Policy": about(self.session)} if self.session else {}

    # Requests

    def ask(self):
        ways = {
            "": self.call,
            "silent SCP": self.call,
            "AssumeRole": self.assume_role,
            "SimulatePrincipalPolicy": self.simulate,
            "CreateFunction": self.create_function,
        }
        return ways[self.instead]()

    def call(self):
        """Calls the function URL."""
        auth_type = "NONE" if self.caller in ("anonymous", "nil") else "AWS_IAM"
        url = self.owner.url(auth_type)
        if self.names:
            self.permit(auth_type)
        try:
            self.make_again()
            request, arn = AWSRequest("GET", url + "book?page=5"), ""
            if auth_type == "AWS_IAM":  # an anonymous caller has no identity-based policies, even if the case has some
                keys = self.keys()
                arn = client("sts", keys).get_caller_identity()["Arn"]
                signing = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"))
                SigV4Auth(signing, "lambda", REGION).add_auth(request)
            prepared = request.prepare()
            response = HTTP.get(prepared.url, headers=dict(prepared.headers), timeout=30)
        finally:
            if self.names:
                for sid in ("url", "invoke"):
                    self.owner.lam.remove_permission(FunctionName=auth_type, StatementId=sid)
        return {
            "arn": arn,
            "status": response.status_code,
            "errorType": response.headers.get("x-amzn-errortype", ""),
            "requestId": response.headers.get("x-amzn-requestid", ""),
            "body": response.text,
        }

    def permit(self, auth_type):
        """Gives the function the resource-based policy: a statement for each of the actions that a call needs."""
        [name] = self.names
        who = {"FunctionName": auth_type, "Principal": "*" if name == "everyone" else self.principal(name)[1]}
        self.owner.lam.add_permission(
            StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType=auth_type, **who
        )
        self.owner.lam.add_permission(
            StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **who
        )

    def statement(self, **more):
        """The statement of the resource-based policy, as far as the case says what it is."""
        if self.names == ["everyone"]:
            principals = "*"
        else:
            principals = {}
            for kind, name in map(self.principal, self.names):
                principals.setdefault(kind, []).append(name)
        return {"Effect": self.effect, self.element: principals, **more}

    def trusting(self):
        """A role whose trust policy is the resource-based policy of the case. Unlike the policies of other resources it
        has to name the account for an identity-based policy of its own account to count."""
        statements = [trust({"AWS": self.home.id})]
        if self.names:
            statements.append(self.statement(Action="sts:AssumeRole"))
        policy = document(*statements)
        return self.owner.iam.create_role(RoleName=self.name("target"), AssumeRolePolicyDocument=policy)["Role"]["Arn"]

    def assume_role(self):
        """Assumes a role that has the resource-based policy."""
        role, keys = self.trusting(), self.keys()
        sts = client("sts", keys)
        outcome = {"arn": sts.get_caller_identity()["Arn"], "resource": role}
        return outcome | attempt(sts.assume_role, RoleArn=role, RoleSessionName="s2")

    def simulate(self):
        """Has the policy simulator ask the policies of the caller together with the resource-based policy."""
        self.keys()
        source, caller = ("robot.role", "robot.session") if self.caller == "robot" else (self.caller, self.caller)
        function = f"arn:aws:lambda:{REGION}:{self.owner.id}:function:books"
        response = self.owner.iam.simulate_principal_policy(
            PolicySourceArn=self.principal(source)[1],
            CallerArn=self.principal(caller)[1],
            ActionNames=["lambda:InvokeFunctionUrl"],
            ResourceArns=[function],
            ResourcePolicy=document(self.statement(Action="lambda:InvokeFunctionUrl", Resource=function)),
        )
        [result] = response["EvaluationResults"]
        kinds = [statement["SourcePolicyType"] for statement in result["MatchedStatements"]]
        body = " ".join([result["EvalDecision"], *kinds])
        return {"status": response["ResponseMetadata"]["HTTPStatusCode"], "body": body}

    def create_function(self):
        """Has Lambda assume a role that has the resource-based policy."""
        role = self.trusting()
        return attempt(self.owner.lam.create_function, FunctionName=self.name("function"), Role=role, **CODE)


HTTP = requests.Session()


def attempt(operation, **arguments):
    """Calls the operation, and tells how it was answered."""
    try:
        response, error = operation(**arguments), {}
    except ClientError as refused:
        response, error = refused.response, refused.response["Error"]
    metadata = response["ResponseMetadata"]
    return {
        "status": metadata["HTTPStatusCode"],
        "errorType": error.get("Code", ""),
        "requestId": metadata["RequestId"],
        "body": error.get("Message", ""),
    }


def main():
    for case in TASK["cases"]:
        try:
            outcome = Case(case).ask()
        except Exception:
            outcome = {"error": traceback.format_exc()}
        print(json.dumps({"id": case["ID"]} | outcome), flush=True)


main()
