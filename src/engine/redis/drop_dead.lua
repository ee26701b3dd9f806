-- SPDX-License-Identifier: MIT
--
-- Forgets a dead item. ARGV: group, GID:NUMBER. Answers with 1.
if call("HDEL", PREFIX .. "record", ARGV[2]) == 0 then return {"alive"} end
call("ZREM", PREFIX .. "dead", ARGV[2])
if call("EXISTS", group_key(ARGV[1])) == 1 then count(ARGV[1], {dead = -1}) end
return {"ok", "1"}
