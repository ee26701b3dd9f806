-- SPDX-License-Identifier: MIT
--
-- ARGV: name, group; one of them is "". Answers with 0 and the group.
local gid = ARGV[1] == "" and ARGV[2] or call("GET", PREFIX .. "n:" .. ARGV[1])
local group = gid and describe(gid)
if not group then return {"missing"} end
return {"ok", gid, group}
