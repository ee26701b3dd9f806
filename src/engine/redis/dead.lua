-- SPDX-License-Identifier: MIT
--
-- The dead list. ARGV: the last entry that is known, how many. Answers with the last entry, then GID:NUMBER and record
-- of each.
local found = call("ZRANGEBYSCORE", PREFIX .. "dead", "(" .. ARGV[1], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[2])
local answer = {"ok", ARGV[1]}
for i = 1, #found, 2 do
  answer[2] = found[i + 1]
  answer[#answer + 1], answer[#answer + 2] = found[i], call("HGET", PREFIX .. "record", found[i])
end
return answer
