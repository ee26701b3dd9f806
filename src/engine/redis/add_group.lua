-- SPDX-License-Identifier: MIT
--
-- Adds a group. ARGV: name, token, function, detail, weight, limit, retries, losses_max, pause, pause_max, low, keep,
-- ttl. Answers with its number.
local name_key = PREFIX .. "n:" .. ARGV[1]
local gid = call("GET", name_key)
if gid then
  if call("HGET", group_key(gid), "token") ~= ARGV[2] then return {"taken"} end
  return {"ok", gid}
end
gid = whole(call("INCR", PREFIX .. "ids"))
call("SET", name_key, gid)
call("ZADD", PREFIX .. "groups", gid, gid)
call("HSET", group_key(gid), "name", ARGV[1], "token", ARGV[2], "function", ARGV[3], "detail", ARGV[4],
  "weight", ARGV[5], "limit", ARGV[6], "retries", ARGV[7], "losses_max", ARGV[8], "pause", ARGV[9],
  "pause_max", ARGV[10], "low", ARGV[11], "keep", ARGV[12], "ttl", ARGV[13])
call("HSET", group_key(gid), "state", OPEN, "turn", whole(call("INCR", PREFIX .. "turn")), "place", "",
  "created", whole(now), "ended", 0, "results", 0, "total", 0, "waiting", 0, "delayed", 0, "running", 0, "ok", 0,
  "failed", 0, "cancelled", 0, "dead", 0)
return {"ok", gid}
