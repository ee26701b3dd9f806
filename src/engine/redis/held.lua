-- SPDX-License-Identifier: MIT
--
-- What a member holds. ARGV: member. Answers as claim does.
if not is_member(ARGV[1]) then return {"gone"} end
local held, lists, answer = call("HGETALL", PREFIX .. "run:" .. ARGV[1]), {}, {"ok", "-1"}
for i = 1, #held, 2 do
  local gid = held[i]:match("^(%d+):")
  if not lists[gid] then
    lists[gid] = {}
    answer[#answer + 1], answer[#answer + 2] = gid, lists[gid]
  end
  table.insert(lists[gid], held[i + 1])
end
return answer
