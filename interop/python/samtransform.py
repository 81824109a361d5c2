"""Runs AWS's own SAM transform on templates, one JSON object a line in, and one a line out."""

import json
import sys

import yaml
from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# To CloudFormation, which the transform runs in, a date is a string.
for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items():
    yaml.SafeLoader.yaml_implicit_resolvers[first] = [r for r in resolvers if r[0] != "tag:yaml.org,2002:timestamp"]


def upload(template):
    """Puts addresses in S3 in place of paths, as packaging does: the transform sees no template before that."""
    globals_ = template.get("Globals", {}).get("Function")
    for properties in [globals_] + [r.get("Properties") for r in template["Resources"].values()]:
        for name in ("CodeUri", "ContentUri"):
            value = properties.get(name) if properties else None
            if isinstance(value, str) and not value.startswith("s3://"):
                properties[name] = "s3://bucket/" + value.removeprefix("./").strip("/")
    return template


for line in sys.stdin:
    job = json.loads(line)
    try:
        # The transform has AWS's managed policies by name itself, so it needs no account.
        translator = Translator(None, Parser())
        with open(job["file"], encoding="utf-8") as file:
            out = {"template": translator.translate(upload(yaml_parse(file)), job["parameters"])}
    except InvalidDocumentException as error:
        out = {"error": error.message + " ".join(cause.message for cause in error.causes)}
    print(json.dumps(out), flush=True)
