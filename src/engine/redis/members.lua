-- SPDX-License-Identifier: MIT
--
-- ARGV: how many. Answers with a list for each member: id, milliseconds left of its lease, and what it says of itself.
local found, answer = call("ZRANGE", PREFIX .. "members", 0, ARGV[1] - 1, "WITHSCORES"), {"ok"}
for i = 1, #found, 2 do
  local m = call("HMGET", PREFIX .. "m:" .. found[i], "host", "version", "pid", "size", "running", "rate")
  answer[#answer + 1] = {found[i], whole(found[i + 1] - now), unpack(m)}
end
return answer
