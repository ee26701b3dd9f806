-- SPDX-License-Identifier: MIT
--
-- Answers with sums: groups, waiting, delayed, running, dead; and the number of members.
local sums = {0, 0, 0, 0, 0}
for _, gid in ipairs(call("ZRANGE", PREFIX .. "groups", 0, -1)) do
  local g = call("HMGET", group_key(gid), "waiting", "delayed", "running", "dead")
  if g[1] then
    sums[1] = sums[1] + 1
    for i = 1, 4 do sums[i + 1] = sums[i + 1] + g[i] end
  end
end
local answer = {"ok"}
for _, sum in ipairs(sums) do answer[#answer + 1] = whole(sum) end
answer[#answer + 1] = whole(call("ZCARD", PREFIX .. "members"))
return answer
