# An MCP server with the official SDK for Python, of its first or second generation.
import os

import anyio
from pydantic import BaseModel

try:
    from mcp.server.mcpserver import Context, MCPServer

    first = False
    server = MCPServer("python")
except ImportError:
    from mcp.server.fastmcp import Context, FastMCP

    first = True
    server = FastMCP("python", port=int(os.environ["PORT"]), stateless_http=os.environ.get("SESSIONS") != "1")


class Name(BaseModel):
    name: str


@server.tool()
def add(a: int, b: int) -> int:
    return a + b


@server.tool()
async def count(n: int, ctx: Context) -> str:
    for i in range(n):
        await ctx.report_progress(i + 1, n)
    await anyio.sleep(0.2)  # the client for TypeScript may forget progress that the answer follows at once
    return "counted"


@server.tool()
def large(n: int) -> str:
    return "ü\n" * n


@server.tool()
async def ask(ctx: Context) -> str:
    answer = await ctx.elicit("What is your name?", Name)
    return answer.data.name


@server.tool()
async def slow() -> str:
    await anyio.sleep(60)
    return "too late"


@server.tool()
def fail() -> str:
    raise ValueError("on purpose")


if first:
    server.run("streamable-http")
else:
    sessions = os.environ.get("SESSIONS") == "1"
    server.run("streamable-http", port=int(os.environ["PORT"]), stateless_http=not sessions)
