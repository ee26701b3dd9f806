-- SPDX-License-Identifier: MIT
--
-- Puts a dead item back. ARGV: group, GID:NUMBER. Answers with 1.
local gid, field = ARGV[1], ARGV[2]
local record = call("HGET", PREFIX .. "record", field)
local g = call("HMGET", group_key(gid), "state", "name")
if g[1] == CANCELLED then return {"cancelled"} end
if not record or not g[1] then return {"alive"} end
local length = struct.unpack(">I4", record)
call("HDEL", PREFIX .. "record", field)
call("ZREM", PREFIX .. "dead", field)
call("RPUSH", PREFIX .. "q:" .. gid, record:sub(5, 12) .. "\0\0" .. record:sub(15, 4 + length))
call("HSET", group_key(gid), "ended", 0)
count(gid, {waiting = 1, failed = -1, dead = -1})
return {"ok", "1"}
