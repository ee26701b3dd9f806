-- SPDX-License-Identifier: MIT
--
-- Adds items. ARGV: group, the number of the first one, delay, items. Answers with how many the group has had, and how
-- many wait.
local gid = ARGV[1]
local g = call("HMGET", group_key(gid), "state", "total", "waiting")
if not g[1] then return {"missing"} end
local total, waiting, first = tonumber(g[2]), tonumber(g[3]), tonumber(ARGV[2])
local known = total - first -- so many of these are there already
if g[1] == CANCELLED then return {"cancelled", g[2], g[3]} end
if known < 0 then return {"gap", g[2], g[3]} end
if known >= #ARGV - 3 then return {"ok", g[2], g[3]} end
if g[1] ~= OPEN then return {"closed", g[2], g[3]} end
local pause, items, added = tonumber(ARGV[3]), {}, 0
for i = 4 + known, #ARGV do
  local item = struct.pack(">I8BB", first + i - 4, 0, 0) .. ARGV[i]
  if pause > 0 then items[#items + 1] = now + math.ceil(pause) end
  items[#items + 1] = item
  added = added + 1
end
if pause > 0 then
  delay(gid, items)
  count(gid, {total = added, delayed = added})
else
  each_part("RPUSH", PREFIX .. "q:" .. gid, items)
  count(gid, {total = added, waiting = added})
  waiting = waiting + added
end
return {"ok", whole(total + added), whole(waiting)}
