-- SPDX-License-Identifier: MIT
--
-- Outcomes of a group. ARGV: group, the last entry that is known, how many entries. Answers with whether the group is
-- over, the number of the last entry, and the entries.
local ended = call("HGET", group_key(ARGV[1]), "ended")
if not ended then return {"missing"} end
local answer = {"ok", ended == "0" and "0" or "1", ARGV[2]}
local entries = call("XRANGE", PREFIX .. "res:" .. ARGV[1], whole(ARGV[2] + 1), "+", "COUNT", ARGV[3])
for i, entry in ipairs(entries) do
  answer[3] = entry[1]:match("^%d+")
  answer[3 + i] = entry[2][2]
end
return answer
