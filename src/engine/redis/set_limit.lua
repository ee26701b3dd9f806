-- SPDX-License-Identifier: MIT
--
-- Changes how many items of a group run at a time. ARGV: group, limit.
if call("EXISTS", group_key(ARGV[1])) == 0 then return {"missing"} end
call("HSET", group_key(ARGV[1]), "limit", ARGV[2])
count(ARGV[1], {})
return {"ok"}
