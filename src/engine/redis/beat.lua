-- SPDX-License-Identifier: MIT
--
-- Renews a member's lease. ARGV: as join. Answers with the numbers of cancelled groups of which it holds items.
if not is_member(ARGV[1]) then return {"gone"} end
call("ZADD", PREFIX .. "members", whole(now + ARGV[2]), ARGV[1])
call("HSET", PREFIX .. "m:" .. ARGV[1], "size", ARGV[6], "running", ARGV[7], "rate", ARGV[8])
local answer, seen = {"ok"}, {}
for _, field in ipairs(call("HKEYS", PREFIX .. "run:" .. ARGV[1])) do
  local gid = field:match("^(%d+):")
  if not seen[gid] and call("HGET", group_key(gid), "state") == CANCELLED then answer[#answer + 1] = gid end
  seen[gid] = true
end
return answer
