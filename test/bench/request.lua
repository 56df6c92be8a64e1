-- What wrk sends to a proxy: every request in absolute-form (RFC 9112 section 3.2.2). URL and AUTHORITY come from the environment.
-- With URLS=N the requests go to URL0 to URL(N-1) in turn; with URLS=0 every request goes to another one. It takes one thread of wrk: each would
-- count for itself.
wrk.path = os.getenv("URL")
wrk.headers["Host"] = os.getenv("AUTHORITY")

local urls = tonumber(os.getenv("URLS"))
if urls then
  -- Fields that were asked for on the command line are in requests of wrk's own making alone: FIELDS has them as lines.
  local tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n" .. (os.getenv("FIELDS") or "") .. "\r\n"
  local head = "GET " .. wrk.path
  local number = -1
  function request()
    number = number + 1
    if number == urls and urls > 0 then number = 0 end
    return head .. number .. tail
  end
end
