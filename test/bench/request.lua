-- What wrk sends to a proxy: every request in absolute-form (RFC 9112 section 3.2.2). URL and AUTHORITY come from the environment.
wrk.path = os.getenv("URL")
wrk.headers["Host"] = os.getenv("AUTHORITY")
