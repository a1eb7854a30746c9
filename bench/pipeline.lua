-- wrk -s pipeline.lua URL N: N requests in each write, and the next ones when all
-- of them have been answered.

local requests

function init(args)
	local each = {}
	for i = 1, tonumber(args[1]) do
		each[i] = wrk.format()
	end
	requests = table.concat(each)
end

function request()
	return requests
end
