"""Drives the control plane with boto3 as its users do, and checks what comes back.

Each function named check_… is one check; for each a line of JSON with its name, and the traceback if it failed, goes to
standard output. The credentials, region and endpoint are those of the environment. The server must be a fresh one.
"""

import base64
import hashlib
import io
import json
import sys
import traceback
import urllib.request
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
RUNTIME = "python%d.%d" % sys.version_info[:2]
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)

iam = boto3.client("iam", config=CONFIG)
sts = boto3.client("sts", config=CONFIG)
lam = boto3.client("lambda", config=CONFIG)
REGION = lam.meta.region_name

CODE = """
import json, os
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as told")
    print("told", event)
    return {"event": event, "request": context.aws_request_id, "greeting": os.environ.get("GREETING"), "version": VERSION,
            "custom": context.client_context.custom if context.client_context else None}
"""


# Tools


def package(version=1):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("main.py", f"VERSION = {version}\n" + CODE)
    return out.getvalue()


def trust(principal):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    )


def allow(action, resource="*"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})


LAMBDA_TRUST = trust({"Service": "lambda.amazonaws.com"})


def make_function(name, **more):
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=LAMBDA_TRUST)["Role"]["Arn"]
    created = lam.create_function(
        FunctionName=name, Runtime=RUNTIME, Handler="main.handler", Role=role, Code={"ZipFile": package()}, **more
    )
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return created


def make_user(name, **policies):
    """A user with inline policies, and a session with an access key of that user."""
    iam.create_user(UserName=name)
    for policy, document in policies.items():
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def session_of(credentials):
    return boto3.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region_name=REGION
    )


def function_arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def status(response):
    return response["ResponseMetadata"]["HTTPStatusCode"]


def refused(error, call, *, code=None, status=None, message=None, **arguments):
    """Calls, and expects an error of this class. A code is named where the service has no class for it."""
    try:
        call(**arguments)
    except error as caught:
        if code:
            equal(caught.response["Error"]["Code"], code)
        if status:
            equal(caught.response["ResponseMetadata"]["HTTPStatusCode"], status)
        if message:
            assert message in caught.response["Error"]["Message"], caught.response["Error"]["Message"]
        return
    raise AssertionError(f"no {error.__name__}")


# STS


def check_root_identity():
    identity = sts.get_caller_identity()
    equal((identity["Account"], identity["Arn"], identity["UserId"]), (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT))


def check_user_identity():
    user = make_user("identity")
    identity = user.client("sts", config=CONFIG).get_caller_identity()
    equal(identity["Arn"], f"arn:aws:iam::{ACCOUNT}:user/identity")
    assert identity["UserId"].startswith("AIDA"), identity["UserId"]


def check_assume_role():
    role = iam.create_role(
        RoleName="assumed", Path="/team/", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    )["Role"]
    equal(role["Arn"], f"arn:aws:iam::{ACCOUNT}:role/team/assumed")
    allowed = make_user("assumer", assume=allow("sts:AssumeRole", role["Arn"]))
    answer = allowed.client("sts", config=CONFIG).assume_role(RoleArn=role["Arn"], RoleSessionName="mine", DurationSeconds=900)
    # The ARN of a session has no path (IAM User Guide, "IAM identifiers").
    equal(answer["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/assumed/mine")
    equal(answer["AssumedRoleUser"]["AssumedRoleId"], role["RoleId"] + ":mine")
    identity = session_of(answer["Credentials"]).client("sts", config=CONFIG).get_caller_identity()
    equal((identity["Arn"], identity["UserId"]), (answer["AssumedRoleUser"]["Arn"], answer["AssumedRoleUser"]["AssumedRoleId"]))

    other = make_user("bystander")
    refused(
        ClientError,
        other.client("sts", config=CONFIG).assume_role,
        code="AccessDenied",
        status=403,
        message=f"User: arn:aws:iam::{ACCOUNT}:user/bystander is not authorized to perform: sts:AssumeRole on resource: {role['Arn']}",
        RoleArn=role["Arn"],
        RoleSessionName="mine",
    )


def check_session_policy_narrows():
    role = iam.create_role(RoleName="narrowed", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))["Role"]
    iam.put_role_policy(RoleName="narrowed", PolicyName="all", PolicyDocument=allow("lambda:*"))
    user = make_user("narrower", assume=allow("sts:AssumeRole")).client("sts", config=CONFIG)
    wide = user.assume_role(RoleArn=role["Arn"], RoleSessionName="wide")["Credentials"]
    narrow = user.assume_role(RoleArn=role["Arn"], RoleSessionName="narrow", Policy=allow("lambda:GetAccountSettings"))["Credentials"]
    session_of(wide).client("lambda", config=CONFIG).list_functions()
    session_of(narrow).client("lambda", config=CONFIG).get_account_settings()
    refused(ClientError, session_of(narrow).client("lambda", config=CONFIG).list_functions, code="AccessDeniedException", status=403)


def check_session_token():
    user = make_user("tokened")
    credentials = user.client("sts", config=CONFIG).get_session_token(DurationSeconds=900)["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA"), credentials["AccessKeyId"]
    identity = session_of(credentials).client("sts", config=CONFIG).get_caller_identity()
    equal(identity["Arn"], f"arn:aws:iam::{ACCOUNT}:user/tokened")


def check_bad_credentials():
    key = iam.create_access_key(UserName=iam.create_user(UserName="careless")["User"]["UserName"])["AccessKey"]
    wrong = boto3.Session(key["AccessKeyId"], "x" * 40, region_name=REGION)
    unknown = boto3.Session("AKIAAAAAAAAAAAAAAAAA", "x" * 40, region_name=REGION)
    for session, service, operation, code in [
        (wrong, "sts", "get_caller_identity", "SignatureDoesNotMatch"),
        (wrong, "iam", "list_roles", "SignatureDoesNotMatch"),
        (wrong, "lambda", "list_functions", "InvalidSignatureException"),
        (unknown, "sts", "get_caller_identity", "InvalidClientTokenId"),
        (unknown, "iam", "list_roles", "InvalidClientTokenId"),
        (unknown, "lambda", "list_functions", "UnrecognizedClientException"),
    ]:
        refused(ClientError, getattr(session.client(service, config=CONFIG), operation), code=code, status=403)


# IAM


def check_role():
    created = iam.create_role(RoleName="role", AssumeRolePolicyDocument=LAMBDA_TRUST, Description="a role", MaxSessionDuration=7200)["Role"]
    assert created["RoleId"].startswith("AROA") and len(created["RoleId"]) == 21, created["RoleId"]
    iam.get_waiter("role_exists").wait(RoleName="role", WaiterConfig={"Delay": 1, "MaxAttempts": 3})
    got = iam.get_role(RoleName="role")["Role"]
    equal(got["AssumeRolePolicyDocument"], json.loads(LAMBDA_TRUST))
    equal((got["Description"], got["MaxSessionDuration"], got["RoleId"]), ("a role", 7200, created["RoleId"]))

    refused(iam.exceptions.EntityAlreadyExistsException, iam.create_role, status=409, RoleName="role", AssumeRolePolicyDocument=LAMBDA_TRUST)
    refused(iam.exceptions.MalformedPolicyDocumentException, iam.create_role, status=400, RoleName="bad", AssumeRolePolicyDocument="{")
    refused(iam.exceptions.NoSuchEntityException, iam.get_role, status=404, RoleName="nobody")

    iam.update_assume_role_policy(RoleName="role", PolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    got = iam.get_role(RoleName="role")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    equal(got, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})

    iam.put_role_policy(RoleName="role", PolicyName="inline", PolicyDocument=allow("lambda:*"))
    equal(iam.get_role_policy(RoleName="role", PolicyName="inline")["PolicyDocument"], json.loads(allow("lambda:*")))
    equal(iam.list_role_policies(RoleName="role")["PolicyNames"], ["inline"])
    refused(iam.exceptions.DeleteConflictException, iam.delete_role, status=409, RoleName="role")
    iam.delete_role_policy(RoleName="role", PolicyName="inline")
    refused(iam.exceptions.NoSuchEntityException, iam.get_role_policy, RoleName="role", PolicyName="inline")
    iam.delete_role(RoleName="role")
    refused(iam.exceptions.NoSuchEntityException, iam.delete_role, RoleName="role")


def check_user():
    created = iam.create_user(UserName="user", Path="/people/")["User"]
    equal(created["Arn"], f"arn:aws:iam::{ACCOUNT}:user/people/user")
    iam.get_waiter("user_exists").wait(UserName="user", WaiterConfig={"Delay": 1, "MaxAttempts": 3})
    refused(iam.exceptions.EntityAlreadyExistsException, iam.create_user, UserName="USER")
    iam.put_user_policy(UserName="user", PolicyName="inline", PolicyDocument=allow("lambda:ListFunctions"))
    equal(iam.get_user_policy(UserName="user", PolicyName="inline")["PolicyDocument"], json.loads(allow("lambda:ListFunctions")))
    equal(iam.list_user_policies(UserName="user")["PolicyNames"], ["inline"])
    equal([u["UserName"] for u in iam.list_users(PathPrefix="/people/")["Users"]], ["user"])
    refused(iam.exceptions.DeleteConflictException, iam.delete_user, UserName="user")
    iam.delete_user_policy(UserName="user", PolicyName="inline")
    iam.delete_user(UserName="user")
    refused(iam.exceptions.NoSuchEntityException, iam.get_user, UserName="user")


def check_access_keys():
    iam.create_user(UserName="keys")
    first = iam.create_access_key(UserName="keys")["AccessKey"]
    assert first["AccessKeyId"].startswith("AKIA") and len(first["AccessKeyId"]) == 20 and len(first["SecretAccessKey"]) == 40
    second = iam.create_access_key(UserName="keys")["AccessKey"]
    refused(iam.exceptions.LimitExceededException, iam.create_access_key, status=409, UserName="keys")
    listed = {k["AccessKeyId"]: k["Status"] for k in iam.list_access_keys(UserName="keys")["AccessKeyMetadata"]}
    equal(listed, {first["AccessKeyId"]: "Active", second["AccessKeyId"]: "Active"})

    client = boto3.Session(first["AccessKeyId"], first["SecretAccessKey"], region_name=REGION).client("sts", config=CONFIG)
    client.get_caller_identity()
    iam.update_access_key(UserName="keys", AccessKeyId=first["AccessKeyId"], Status="Inactive")
    refused(ClientError, client.get_caller_identity, code="InvalidClientTokenId", status=403)
    iam.update_access_key(UserName="keys", AccessKeyId=first["AccessKeyId"], Status="Active")
    client.get_caller_identity()
    iam.delete_access_key(UserName="keys", AccessKeyId=first["AccessKeyId"])
    refused(ClientError, client.get_caller_identity, code="InvalidClientTokenId", status=403)


def check_pages_of_roles():
    names = [f"page-{i}" for i in range(5)]
    for name in names:
        iam.create_role(RoleName=name, Path="/paged/", AssumeRolePolicyDocument=LAMBDA_TRUST)
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix="/paged/", PaginationConfig={"PageSize": 2}))
    equal([[r["RoleName"] for r in page["Roles"]] for page in pages], [names[:2], names[2:4], names[4:]])


def check_permissions_of_users():
    make_function("guarded")
    reader = make_user("reader", read=allow("lambda:GetFunction", function_arn("guarded"))).client("lambda", config=CONFIG)
    reader.get_function(FunctionName="guarded")
    refused(
        ClientError,
        reader.delete_function,
        code="AccessDeniedException",
        status=403,
        message=f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: lambda:DeleteFunction on resource: {function_arn('guarded')}",
        FunctionName="guarded",
    )


# Lambda


def check_function():
    code = package()
    created = make_function("function", Description="first", Timeout=7, MemorySize=256, Environment={"Variables": {"GREETING": "hello"}})
    equal(status(created), 201)
    equal(created["FunctionArn"], function_arn("function"))
    equal((created["State"], created["Version"], created["PackageType"]), ("Pending", "$LATEST", "Zip"))
    equal(created["CodeSize"], len(code))
    equal(created["CodeSha256"], base64.b64encode(hashlib.sha256(code).digest()).decode())

    for name in ["function", function_arn("function"), f"{ACCOUNT}:function:function", "function:$LATEST"]:
        got = lam.get_function_configuration(FunctionName=name)
        equal((got["State"], got["Timeout"], got["MemorySize"], got["Runtime"]), ("Active", 7, 256, RUNTIME))
        equal(got["Environment"], {"Variables": {"GREETING": "hello"}})

    location = lam.get_function(FunctionName="function")["Code"]["Location"]
    with urllib.request.urlopen(location, timeout=10) as response:
        equal(response.read(), code)

    lam.update_function_code(FunctionName="function", ZipFile=package(version=2))
    lam.get_waiter("function_updated_v2").wait(FunctionName="function", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    answer = json.loads(lam.invoke(FunctionName="function", Payload=b"{}")["Payload"].read())
    equal((answer["version"], answer["greeting"]), (2, "hello"))
    lam.update_function_configuration(FunctionName="function", Environment={"Variables": {"GREETING": "bye"}}, Timeout=8)
    lam.get_waiter("function_updated_v2").wait(FunctionName="function", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    answer = json.loads(lam.invoke(FunctionName="function", Payload=b"{}")["Payload"].read())
    equal(answer["greeting"], "bye")
    equal(lam.get_function_configuration(FunctionName="function")["Timeout"], 8)

    stale = created["RevisionId"]
    refused(lam.exceptions.PreconditionFailedException, lam.update_function_code, status=412, FunctionName="function", ZipFile=code, RevisionId=stale)

    deleted = lam.delete_function(FunctionName="function")
    assert status(deleted) in (200, 204), deleted
    refused(
        lam.exceptions.ResourceNotFoundException,
        lam.get_function,
        status=404,
        message="Function not found: " + function_arn("function"),
        FunctionName="function",
    )


def layer(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, text in files.items():
            z.writestr(name, text)
    return out.getvalue()


def layer_arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}"


def check_layers():
    content = layer({"python/layered.py": "value = 1"})
    first = lam.publish_layer_version(LayerName="layers", Content={"ZipFile": content})
    equal((status(first), first["Version"], first["Description"]), (201, 1, ""))
    equal((first["LayerArn"], first["LayerVersionArn"]), (layer_arn("layers"), layer_arn("layers") + ":1"))
    equal(first["Content"]["CodeSize"], len(content))
    equal(first["Content"]["CodeSha256"], base64.b64encode(hashlib.sha256(content).digest()).decode())
    assert not {"CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"} & first.keys(), first
    second = lam.publish_layer_version(
        LayerName=layer_arn("layers"), Content={"ZipFile": content}, Description="again", LicenseInfo="MIT",
        CompatibleRuntimes=["python3.13", RUNTIME], CompatibleArchitectures=["arm64", "x86_64"],
    )
    equal((second["Version"], second["CompatibleRuntimes"]), (2, ["python3.13", RUNTIME]))

    for got in [
        lam.get_layer_version(LayerName="layers", VersionNumber=2),
        lam.get_layer_version_by_arn(Arn=second["LayerVersionArn"]),
    ]:
        equal({k: got[k] for k in second if k not in ("ResponseMetadata", "Content")},
              {k: second[k] for k in second if k not in ("ResponseMetadata", "Content")})
        with urllib.request.urlopen(got["Content"]["Location"], timeout=10) as response:
            equal(response.read(), content)
    equal([v["Version"] for v in lam.list_layer_versions(LayerName="layers")["LayerVersions"]], [2, 1])
    pages = lam.get_paginator("list_layer_versions").paginate(LayerName="layers", PaginationConfig={"PageSize": 1})
    equal([[v["Version"] for v in page["LayerVersions"]] for page in pages], [[2], [1]])
    listed = {l["LayerName"]: l for l in lam.list_layers(CompatibleRuntime=RUNTIME)["Layers"]}
    equal(listed["layers"]["LatestMatchingVersion"]["Version"], 2)

    refused(lam.exceptions.ResourceNotFoundException, lam.get_layer_version, status=404,
            message="The resource you requested does not exist.", LayerName="layers", VersionNumber=9)
    refused(lam.exceptions.InvalidParameterValueException, lam.get_layer_version, status=400,
            message="Layer Version Cannot be less than 1", LayerName="layers", VersionNumber=0)
    for _ in range(2):
        equal(status(lam.delete_layer_version(LayerName="layers", VersionNumber=2)), 204)
    equal(lam.publish_layer_version(LayerName="layers", Content={"ZipFile": content})["Version"], 3)


def check_layer_permissions():
    arn = lam.publish_layer_version(LayerName="permitted", Content={"ZipFile": layer({"x": "x"})})["LayerVersionArn"]
    version = {"LayerName": "permitted", "VersionNumber": 1}
    refused(lam.exceptions.ResourceNotFoundException, lam.get_layer_version_policy, status=404,
            message="No policy is associated with the given resource.", **version)
    added = lam.add_layer_version_permission(StatementId="all", Action="lambda:GetLayerVersion", Principal="*", **version)
    statement = {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": arn}
    equal(json.loads(added["Statement"]), statement)
    policy = lam.get_layer_version_policy(**version)
    equal((json.loads(policy["Policy"])["Statement"], policy["RevisionId"]), ([statement], added["RevisionId"]))
    refused(lam.exceptions.ResourceConflictException, lam.add_layer_version_permission, status=409,
            StatementId="all", Action="lambda:GetLayerVersion", Principal="*", **version)
    refused(lam.exceptions.PreconditionFailedException, lam.remove_layer_version_permission, status=412,
            message="Call the GetLayerPolicy API", StatementId="all", RevisionId="wrong", **version)
    equal(status(lam.remove_layer_version_permission(StatementId="all", **version)), 204)


def check_layers_of_functions():
    arns = [
        lam.publish_layer_version(LayerName=name, Content={"ZipFile": layer({
            "python/last.py": f"name = '{name}'", f"python/from_{name}.py": "",
        })})["LayerVersionArn"]
        for name in ["layer-b", "layer-a", "layer-d", "layer-c", "layer-e"]
    ]
    role = iam.create_role(RoleName="layered", AssumeRolePolicyDocument=LAMBDA_TRUST)["Role"]["Arn"]
    code = "import importlib\ndef handler(event, context):\n    importlib.import_module('from_layer-b')\n    return importlib.import_module('last').name\n"
    created = lam.create_function(
        FunctionName="layered", Runtime=RUNTIME, Handler="main.handler", Role=role, Layers=arns, Code={"ZipFile": layer({"main.py": code})}
    )
    equal([l["Arn"] for l in created["Layers"]], arns)
    lam.get_waiter("function_active_v2").wait(FunctionName="layered", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    equal(json.loads(lam.invoke(FunctionName="layered")["Payload"].read()), "layer-e")
    lam.delete_layer_version(LayerName="layer-e", VersionNumber=1)
    lam.update_function_configuration(FunctionName="layered", Layers=[arns[0], arns[3]])
    equal(json.loads(lam.invoke(FunctionName="layered")["Payload"].read()), "layer-c")
    refused(lam.exceptions.InvalidParameterValueException, lam.update_function_configuration, status=400,
            message=f"Layer version {arns[4]} does not exist.", FunctionName="layered", Layers=[arns[4]])
    refused(ClientError, lam.update_function_configuration, code="AccessDeniedException", status=403,
            message="because no resource-based policy allows the lambda:GetLayerVersion action", FunctionName="layered",
            Layers=[f"arn:aws:lambda:{REGION}:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"])
    assert "Layers" not in lam.update_function_configuration(FunctionName="layered", Layers=[])


def check_function_faults():
    created = make_function("faults")
    role = created["Role"]
    good = dict(FunctionName="faults-2", Runtime=RUNTIME, Handler="main.handler", Role=role, Code={"ZipFile": package()})
    refused(lam.exceptions.ResourceConflictException, lam.create_function, status=409, message="Function already exist: faults", **{**good, "FunctionName": "faults"})
    stranger = iam.create_role(RoleName="no-lambda", AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))["Role"]["Arn"]
    for change, message in [
        ({"Role": stranger}, "The role defined for the function cannot be assumed by Lambda."),
        ({"Role": f"arn:aws:iam::{ACCOUNT}:role/absent"}, "The role defined for the function cannot be assumed by Lambda."),
        ({"Code": {"ZipFile": b"not a zip"}}, "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ({"Runtime": "cobol1.x"}, "Value cobol1.x at 'runtime' failed to satisfy constraint"),
    ]:
        refused(lam.exceptions.InvalidParameterValueException, lam.create_function, status=400, message=message, **{**good, **change})
    refused(ClientError, lam.create_function, code="ValidationException", status=400, message="1 validation error detected", **{**good, "Timeout": 1801})
    elsewhere = boto3.client("lambda", region_name="us-west-2", config=CONFIG)
    refused(elsewhere.exceptions.ResourceNotFoundException, elsewhere.get_function, FunctionName="faults")


def check_pages_of_functions():
    names = [f"paged-{i}" for i in range(5)]
    for name in names:
        make_function(name)
    pages = list(lam.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["Functions"]) <= 2 for page in pages)
    listed = [f["FunctionName"] for page in pages for f in page["Functions"]]
    equal(len(listed), len(set(listed)))
    equal([name for name in sorted(listed) if name in names], names)
    for name in names:
        lam.delete_function(FunctionName=name)


def check_function_url():
    make_function("url")
    created = lam.create_function_url_config(FunctionName="url", AuthType="AWS_IAM")
    equal(status(created), 201)
    equal((created["FunctionArn"], created["AuthType"]), (function_arn("url"), "AWS_IAM"))
    assert "InvokeMode" not in created and created["FunctionUrl"].endswith("/"), created
    got = lam.get_function_url_config(FunctionName="url")
    equal((got["FunctionUrl"], got["InvokeMode"]), (created["FunctionUrl"], "BUFFERED"))
    refused(
        lam.exceptions.ResourceConflictException,
        lam.create_function_url_config,
        status=409,
        message="FunctionUrlConfig exists for this Lambda function",
        FunctionName="url",
        AuthType="NONE",
    )
    cors = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "MaxAge": 60, "AllowCredentials": True}
    lam.update_function_url_config(FunctionName="url", AuthType="NONE", Cors=cors, InvokeMode="RESPONSE_STREAM")
    got = lam.get_function_url_config(FunctionName="url")
    equal((got["AuthType"], got["InvokeMode"], got["FunctionUrl"]), ("NONE", "RESPONSE_STREAM", created["FunctionUrl"]))
    equal({k: got["Cors"][k] for k in cors}, cors)
    pages = lam.get_paginator("list_function_url_configs").paginate(FunctionName="url")
    equal([c["FunctionUrl"] for page in pages for c in page["FunctionUrlConfigs"]], [created["FunctionUrl"]])
    equal(status(lam.delete_function_url_config(FunctionName="url")), 204)
    refused(lam.exceptions.ResourceNotFoundException, lam.get_function_url_config, status=404, FunctionName="url")
    refused(lam.exceptions.ResourceNotFoundException, lam.create_function_url_config, message="Function does not exist", FunctionName="absent", AuthType="NONE")
    again = lam.create_function_url_config(FunctionName="url", AuthType="AWS_IAM")
    assert again["FunctionUrl"] != created["FunctionUrl"], "the URL came back"


def check_permission():
    make_function("permission")
    common = dict(FunctionName="permission")
    refused(lam.exceptions.ResourceNotFoundException, lam.get_policy, status=404, **common)
    added = lam.add_permission(
        StatementId="public", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE", **common
    )
    equal(status(added), 201)
    lam.add_permission(StatementId="invoke", Action="lambda:InvokeFunction", Principal=ACCOUNT, InvokedViaFunctionUrl=True, **common)
    lam.add_permission(StatementId="rule", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
                       SourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r", SourceAccount=ACCOUNT, **common)
    policy = json.loads(lam.get_policy(**common)["Policy"])
    resource = function_arn("permission")
    equal(policy, {"Version": "2012-10-17", "Id": "default", "Statement": [
        {"Sid": "public", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": resource,
         "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
        {"Sid": "invoke", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "lambda:InvokeFunction",
         "Resource": resource, "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
        {"Sid": "rule", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "lambda:InvokeFunction",
         "Resource": resource, "Condition": {"StringEquals": {"AWS:SourceAccount": ACCOUNT},
                                             "ArnLike": {"AWS:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r"}}},
    ]})
    refused(lam.exceptions.ResourceConflictException, lam.add_permission, status=409,
            message="The statement id (public) provided already exists.", StatementId="public",
            Action="lambda:InvokeFunction", Principal="*", **common)
    refused(lam.exceptions.InvalidParameterValueException, lam.add_permission, status=400,
            message="FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action", StatementId="odd",
            Action="lambda:InvokeFunction", Principal="*", FunctionUrlAuthType="NONE", **common)
    refused(lam.exceptions.InvalidParameterValueException, lam.add_permission, status=400,
            message="The provided principal was invalid. Please check the principal and try again.", StatementId="odd",
            Action="lambda:InvokeFunction", Principal=f"arn:aws:iam::{ACCOUNT}:role/absent", **common)
    refused(lam.exceptions.PreconditionFailedException, lam.remove_permission, status=412, StatementId="public", RevisionId="00000000-0000-0000-0000-000000000000", **common)
    for sid in ["public", "invoke", "rule"]:
        equal(status(lam.remove_permission(StatementId=sid, **common)), 204)
    refused(lam.exceptions.ResourceNotFoundException, lam.get_policy, **common)
    refused(lam.exceptions.ResourceNotFoundException, lam.remove_permission, StatementId="public", **common)


def check_resource_policy():
    arn = make_function("policy")["FunctionArn"]
    refused(lam.exceptions.ResourceNotFoundException, lam.get_resource_policy, status=404, ResourceArn=arn)
    lam.add_permission(FunctionName="policy", StatementId="old", Action="lambda:InvokeFunction", Principal=ACCOUNT)
    document = {"Version": "2012-10-17", "Statement": [
        {"Sid": "in", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:root", f"arn:aws:iam::{ACCOUNT}:root"]},
         "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": [arn, arn + ":*"]},
        {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "lambda:Invoke*", "Resource": "*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8"]}, "StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}},
    ]}
    put = lam.put_resource_policy(ResourceArn=arn, Policy=json.dumps(document, indent=2))
    equal((status(put), json.loads(put["Policy"])), (200, document))
    got = lam.get_resource_policy(ResourceArn=arn)
    equal((got["Policy"], got["RevisionId"]), (put["Policy"], put["RevisionId"]))
    older = lam.get_policy(FunctionName="policy")
    equal((older["Policy"], older["RevisionId"]), (put["Policy"], put["RevisionId"]))
    again = lam.put_resource_policy(ResourceArn=arn, Policy=json.dumps(document), RevisionId=put["RevisionId"])
    assert again["RevisionId"] != put["RevisionId"], "the same revision"
    refused(lam.exceptions.PreconditionFailedException, lam.put_resource_policy, status=412, ResourceArn=arn,
            Policy=json.dumps(document), RevisionId=put["RevisionId"])
    refused(lam.exceptions.PreconditionFailedException, lam.delete_resource_policy, status=412, ResourceArn=arn,
            RevisionId=put["RevisionId"])
    lam.add_permission(FunctionName="policy", StatementId="rule", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    equal(status(lam.remove_permission(FunctionName="policy", StatementId="in")), 204)
    sids = [s.get("Sid") for s in json.loads(lam.get_resource_policy(ResourceArn=arn)["Policy"])["Statement"]]
    equal(sids, [None, "rule"])
    bad = {"Version": "2012-10-17", "Statement": [dict(document["Statement"][0], Action="s3:GetObject")]}
    refused(lam.exceptions.InvalidParameterValueException, lam.put_resource_policy, status=400, ResourceArn=arn, Policy=json.dumps(bad))
    refused(lam.exceptions.InvalidParameterValueException, lam.put_resource_policy, status=400, ResourceArn=arn, Policy="{")
    refused(lam.exceptions.ResourceNotFoundException, lam.put_resource_policy, status=404,
            ResourceArn=function_arn("absent"), Policy=json.dumps(document).replace("function:policy", "function:absent"))
    equal(status(lam.delete_resource_policy(ResourceArn=arn)), 204)
    refused(lam.exceptions.ResourceNotFoundException, lam.get_policy, status=404, FunctionName="policy")
    refused(lam.exceptions.ResourceNotFoundException, lam.delete_resource_policy, status=404, ResourceArn=arn)


def check_invoke():
    make_function("invoke")
    answer = lam.invoke(FunctionName="invoke", Payload=json.dumps({"a": "é"}), LogType="Tail",
                        ClientContext=base64.b64encode(b'{"custom":{"k":"v"}}').decode())
    equal((answer["StatusCode"], answer["ExecutedVersion"], "FunctionError" in answer), (200, "$LATEST", False))
    body = json.loads(answer["Payload"].read())
    equal((body["event"], body["custom"], body["request"]), ({"a": "é"}, {"k": "v"}, answer["ResponseMetadata"]["RequestId"]))
    tail = base64.b64decode(answer["LogResult"]).decode()
    for line in ["START RequestId: " + body["request"], "told {'a': 'é'}", "END RequestId: " + body["request"], "REPORT RequestId: " + body["request"]]:
        assert line in tail, tail

    failed = lam.invoke(FunctionName="invoke", Payload=b'{"fail":true}')
    equal((failed["StatusCode"], failed["FunctionError"]), (200, "Unhandled"))
    error = json.loads(failed["Payload"].read())
    equal((error["errorType"], error["errorMessage"]), ("ValueError", "as told"))

    equal(lam.invoke(FunctionName="invoke", InvocationType="Event", Payload=b"{}")["StatusCode"], 202)
    equal(lam.invoke(FunctionName="invoke", InvocationType="DryRun")["StatusCode"], 204)
    refused(lam.exceptions.ResourceNotFoundException, lam.invoke, message=function_arn("absent"), FunctionName="absent")
    refused(lam.exceptions.InvalidRequestContentException, lam.invoke, status=400, FunctionName="invoke", Payload=b"{")


def check_versions():
    name, arn = "versioned", function_arn("versioned")
    created = make_function(name, Publish=True, Environment={"Variables": {"GREETING": "one"}})
    equal((created["Version"], created["FunctionArn"]), ("1", arn))
    again = lam.publish_version(FunctionName=name, Description="ignored")
    equal((again["Version"], again["Description"], status(again)), ("1", "", 201))
    lam.update_function_configuration(FunctionName=name, Environment={"Variables": {"GREETING": "two"}})
    lam.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    latest = lam.get_function_configuration(FunctionName=name)
    refused(lam.exceptions.PreconditionFailedException, lam.publish_version, FunctionName=name, RevisionId=created["RevisionId"])
    refused(lam.exceptions.InvalidParameterValueException, lam.publish_version, FunctionName=name, CodeSha256="x")
    second = lam.publish_version(
        FunctionName=name, Description="second", RevisionId=latest["RevisionId"], CodeSha256=latest["CodeSha256"]
    )
    equal((second["Version"], second["FunctionArn"], second["Description"]), ("2", arn + ":2", "second"))
    updated = lam.update_function_code(FunctionName=name, ZipFile=package(3), Publish=True)
    equal((updated["Version"], updated["FunctionArn"], updated["State"]), ("3", arn + ":3", "Pending"))
    lam.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier="3", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    pages = lam.get_paginator("list_versions_by_function").paginate(FunctionName=name, PaginationConfig={"PageSize": 2})
    equal([v["Version"] for page in pages for v in page["Versions"]], ["$LATEST", "1", "2", "3"])
    every = lam.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    mine = [f["FunctionArn"] for page in every for f in page["Functions"] if f["FunctionName"] == name]
    equal(mine, [arn + ":$LATEST", arn + ":1", arn + ":2", arn + ":3"])
    equal(lam.get_function(FunctionName=name, Qualifier="1")["Configuration"]["Environment"]["Variables"], {"GREETING": "one"})
    for qualifier, greeting, version in [("1", "one", 1), ("2", "two", 1), ("3", "two", 3), ("$LATEST", "two", 3)]:
        out = lam.invoke(FunctionName=name, Qualifier=qualifier, LogType="Tail", Payload=b"{}")
        told = json.loads(out["Payload"].read())
        equal((told["greeting"], told["version"], out["ExecutedVersion"]), (greeting, version, qualifier))
        assert f"Version: {qualifier}\n" in base64.b64decode(out["LogResult"]).decode(), out["LogResult"]
    equal(status(lam.delete_function(FunctionName=name, Qualifier="2")), 204)
    refused(lam.exceptions.ResourceNotFoundException, lam.get_function, FunctionName=name, Qualifier="2", message=arn + ":2")


def check_aliases():
    name, arn = "aliased", function_arn("aliased")
    make_function(name, Publish=True)
    lam.update_function_code(FunctionName=name, ZipFile=package(2), Publish=True)
    lam.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier="2", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    made = lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="what people use")
    equal((made["AliasArn"], made["FunctionVersion"], "RoutingConfig" in made), (arn + ":live", "1", False))
    refused(lam.exceptions.ResourceConflictException, lam.create_alias, FunctionName=name, Name="live", FunctionVersion="1")
    lam.create_alias(FunctionName=name, Name="dev", FunctionVersion="$LATEST")
    half = lam.update_alias(
        FunctionName=name, Name="live", RevisionId=made["RevisionId"], RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    equal(half["RoutingConfig"], {"AdditionalVersionWeights": {"2": 0.5}})
    read = lam.get_alias(FunctionName=name, Name="live")
    equal((read["RevisionId"], read["Description"]), (half["RevisionId"], "what people use"))
    pages = lam.get_paginator("list_aliases").paginate(FunctionName=name, PaginationConfig={"PageSize": 1})
    equal([a["Name"] for page in pages for a in page["Aliases"]], ["dev", "live"])
    equal([a["Name"] for a in lam.list_aliases(FunctionName=name, FunctionVersion="$LATEST")["Aliases"]], ["dev"])
    ran = set()
    while ran != {("1", 1), ("2", 2)}:
        out = lam.invoke(FunctionName=arn + ":live", Payload=b"{}")
        ran.add((out["ExecutedVersion"], json.loads(out["Payload"].read())["version"]))
        assert ran <= {("1", 1), ("2", 2)}, ran
    refused(lam.exceptions.ResourceConflictException, lam.delete_function, FunctionName=name, Qualifier="2")

    lam.add_permission(
        FunctionName=name, Qualifier="live", StatementId="a", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )
    statement = json.loads(lam.get_policy(FunctionName=name, Qualifier="live")["Policy"])["Statement"][0]
    equal(statement["Resource"], arn + ":live")
    refused(lam.exceptions.ResourceNotFoundException, lam.get_policy, FunctionName=name)
    url = lam.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="AWS_IAM")
    equal(url["FunctionArn"], arn + ":live")
    lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    urls = lam.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    equal([u["FunctionArn"] for u in urls], [arn, arn + ":live"])

    equal(status(lam.delete_alias(FunctionName=name, Name="live")), 204)
    equal(status(lam.delete_alias(FunctionName=name, Name="live")), 204)
    missing = lam.exceptions.ResourceNotFoundException
    refused(missing, lam.get_alias, FunctionName=name, Name="live", message="Cannot find alias arn: " + arn + ":live")
    refused(missing, lam.update_alias, FunctionName=name, Name="live", message="Alias not found: " + arn + ":live")
    refused(missing, lam.get_function_url_config, FunctionName=name, Qualifier="live")
    refused(missing, lam.get_policy, FunctionName=name, Qualifier="live")


def check_tags():
    arn = make_function("tags", Tags={"team": "one"})["FunctionArn"]
    equal(status(lam.tag_resource(Resource=arn, Tags={"stage": "test + co", "empty": ""})), 204)
    equal(lam.list_tags(Resource=arn)["Tags"], {"team": "one", "stage": "test + co", "empty": ""})
    equal(lam.get_function(FunctionName="tags")["Tags"], {"team": "one", "stage": "test + co", "empty": ""})
    equal(status(lam.untag_resource(Resource=arn, TagKeys=["team", "empty"])), 204)
    equal(lam.list_tags(Resource=arn)["Tags"], {"stage": "test + co"})


def check_account_settings():
    settings = lam.get_account_settings()
    equal(settings["AccountLimit"]["CodeSizeUnzipped"], 262144000)
    assert settings["AccountUsage"]["FunctionCount"] >= 0


# All operations that the clients know


def sample(shape, depth=0):
    """Some value of a shape that refers to nothing that exists."""
    if shape.type_name == "structure":
        required = shape.required_members if depth < 4 else []
        return {name: sample(shape.members[name], depth + 1) for name in required}
    if shape.type_name == "list":
        return [sample(shape.member, depth + 1)]
    if shape.type_name == "map":
        return {"key": sample(shape.value, depth + 1)}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "absent-thing-of-forty-characters-length"
    if shape.type_name == "blob":
        return b"{}"
    if shape.type_name == "timestamp":
        return 0
    return {"boolean": True, "float": 1.0, "double": 1.0}.get(shape.type_name, 1)


def check_every_operation_answers():
    """Whatever furl does not have it says so, in the protocol of the service: boto3 can always read the answer."""
    untold, counts = [], {}
    loose = CONFIG.merge(Config(parameter_validation=False))
    for service in ["lambda", "iam", "sts"]:
        client = boto3.client(service, config=loose)
        for operation in client.meta.service_model.operation_names:
            model = client.meta.service_model.operation_model(operation)
            arguments = sample(model.input_shape) if model.input_shape else {}
            try:
                client._make_api_call(operation, arguments)
                outcome = "ok"
            except ClientError as error:
                outcome = error.response["Error"]["Code"]
                code, message = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Message"]
                if not 400 <= code < 500 or not message or outcome == "UnknownOperationException":
                    untold.append((service, operation, code, outcome, message))
            except Exception as error:
                untold.append((service, operation, type(error).__name__, str(error)[:300]))
                continue
            counts[outcome] = counts.get(outcome, 0) + 1
    assert not untold, untold
    print("answers:", counts, file=sys.stderr)


def check_missing_operations_are_named():
    for service, operation, arguments in [
        ("lambda", "create_code_signing_config", {"AllowedPublishers": {"SigningProfileVersionArns": [
            "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/p/0123456789"]}}),
        ("lambda", "get_capacity_provider", {"CapacityProviderName": "none"}),
        ("iam", "get_organizations_access_report", {"JobId": "0" * 36}),
        ("sts", "assume_root", {"TargetPrincipal": ACCOUNT, "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}),
    ]:
        refused(ClientError, getattr(boto3.client(service, config=CONFIG), operation), message="furl", **arguments)


def main():
    for name, check in list(globals().items()):
        if not name.startswith("check_"):
            continue
        outcome = {"name": name.removeprefix("check_")}
        try:
            check()
        except Exception:
            outcome["error"] = traceback.format_exc()
        print(json.dumps(outcome), flush=True)


main()
