-- SPDX-License-Identifier: MIT
--
-- Drops what waits in a group. ARGV: group.
local gid = ARGV[1]
local g = call("HMGET", group_key(gid), "state", "ended")
if not g[1] then return {"missing"} end
if g[1] == CANCELLED or g[2] ~= "0" then return {"ok"} end
local queue, due = PREFIX .. "q:" .. gid, PREFIX .. "due:" .. gid
local waiting, delayed = call("LLEN", queue), call("ZCARD", due)
call("UNLINK", queue, due)
call("ZREM", PREFIX .. "due", gid)
call("HSET", group_key(gid), "state", CANCELLED)
tell("c", gid)
count(gid, {waiting = -waiting, delayed = -delayed, cancelled = waiting + delayed})
return {"ok"}
