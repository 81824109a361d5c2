# An MCP client with the official SDK for Python, which starts the command of its arguments and prints as JSON what it
# got. The environment says in which mode it connects (MODE), and whether the server can ask (ASK=1).
import json
import os
import sys

import anyio
from mcp.client.stdio import StdioServerParameters, stdio_client

parameters = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(os.environ))
found = {}


async def use(call, tools):
    found["tools"] = sorted(tool.name for tool in (await tools()).tools)

    async def text(name, arguments, **more):
        return (await call(name, arguments, **more)).content[0].text

    found["add"] = await text("add", {"a": 1, "b": 2})
    steps = []

    async def progress(step, total, message):
        steps.append([step, total])

    found["count"] = await text("count", {"n": 3}, progress_callback=progress)
    found["progress"] = steps
    found["large"] = len(await text("large", {"n": 100_000}))
    failed = await call("fail", {})
    found["failed"] = getattr(failed, "is_error", None) or getattr(failed, "isError", None)
    sums = {}

    async def several(i):
        sums[i] = await text("add", {"a": i, "b": i})

    async with anyio.create_task_group() as group:
        for i in range(int(os.environ["SEVERAL"])):
            group.start_soon(several, i)
    found["several"] = [int(sums[i]) for i in sums] == [2 * i for i in sums] and len(sums) == int(os.environ["SEVERAL"])
    if os.environ.get("ASK") == "1":
        found["ask"] = await text("ask", {})
    with anyio.move_on_after(0.5) as scope:
        await call("slow", {})
    found["cancelled"] = scope.cancelled_caught
    found["after"] = await text("add", {"a": 2, "b": 2})


async def second(Client):
    import mcp_types

    async def elicit(context, request):
        return mcp_types.ElicitResult(action="accept", content={"name": "Ada"})

    transport = stdio_client(parameters)
    async with Client(transport, mode=os.environ["MODE"], elicitation_callback=elicit) as client:
        found["version"] = client.session.protocol_version
        await use(client.call_tool, client.list_tools)


async def first():
    from mcp import ClientSession, types

    async def elicit(context, request):
        return types.ElicitResult(action="accept", content={"name": "Ada"})

    async with stdio_client(parameters) as (read, write):
        async with ClientSession(read, write, elicitation_callback=elicit) as session:
            found["version"] = (await session.initialize()).protocolVersion
            await use(session.call_tool, session.list_tools)


try:
    from mcp.client.client import Client
except ImportError:
    anyio.run(first)
else:
    anyio.run(second, Client)
print(json.dumps(found))
