-- receipts.lua
--	wrk sends each request of a file once.
--
-- The file has complete requests, with a NUL after each, and more than can be
-- sent in the time: wrk waits for its end even when there are no more.

local requests = {}
local last = 0

function init(args)
	local file = assert(io.open(args[1], "rb"))
	for request in file:read("*a"):gmatch("[^%z]+") do
		requests[#requests + 1] = request
	end
	file:close()
	collectgarbage("collect")
end

function request()
	if last == #requests then
		wrk.thread:stop()
	else
		last = last + 1
	end
	return requests[last]
end

function done(summary)
	local e = summary.errors
	print(string.format("answered %d in %d us, failed %d", summary.requests, summary.duration,
		e.connect + e.read + e.write + e.timeout + e.status))
end
