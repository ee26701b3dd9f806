-- SPDX-License-Identifier: MIT
--
-- ARGV: a number, how many. Answers with the number of the last group that was looked at, and the groups above it.
local answer, after = {"ok", ARGV[1]}, ARGV[1]
repeat
  local gids = call("ZRANGEBYSCORE", PREFIX .. "groups", "(" .. after, "+inf", "LIMIT", 0, ARGV[2])
  for _, gid in ipairs(gids) do
    local group = describe(gid)
    if group then
      answer[#answer + 1] = group
    else
      call("ZREM", PREFIX .. "groups", gid) -- its time to live is over
    end
    after = gid
  end
until #gids == 0 or #answer > 2
answer[2] = after
return answer
