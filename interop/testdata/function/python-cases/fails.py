import cases


def start():
    return cases.inner()


start()
