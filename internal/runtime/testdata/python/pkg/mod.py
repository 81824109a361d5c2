def func(event, context):
    return "pkg/mod.func"
