-- SPDX-License-Identifier: MIT
--
-- Takes items for a member. ARGV: member, how many. Answers with the milliseconds until a delayed item is due, or -1,
-- then for each group its number and the list of its items.
local ready, run = PREFIX .. "ready", PREFIX .. "run:" .. ARGV[1]
local want = tonumber(ARGV[2])
if not is_member(ARGV[1]) then return {"gone"} end

---Makes delayed items of a group wait whose time has come.
local function promote(gid)
  local due = PREFIX .. "due:" .. gid
  local items = call("ZRANGEBYSCORE", due, "-inf", whole(now), "LIMIT", 0, 500)
  if #items > 0 then
    call("ZREM", due, unpack(items))
    call("RPUSH", PREFIX .. "q:" .. gid, unpack(items))
    count(gid, {waiting = #items, delayed = -#items})
  end
  local first = call("ZRANGE", due, 0, 0, "WITHSCORES")
  if first[2] then call("ZADD", PREFIX .. "due", first[2], gid) else call("ZREM", PREFIX .. "due", gid) end
end

---Takes items of the first group that is ready, which goes to the end of those of its weight.
local function take(place)
  local gid = place:match(":(%d+)$")
  local g = call("HMGET", group_key(gid), "limit", "running")
  local most = want
  if g[1] ~= "0" then most = math.min(most, g[1] - g[2]) end
  local items, fields = call("LPOP", PREFIX .. "q:" .. gid, most) or {}, {}
  for i, item in ipairs(items) do
    fields[2 * i - 1], fields[2 * i] = gid .. ":" .. item:sub(1, 8), item
  end
  if #items > 0 then call("HSET", run, unpack(fields)) end
  call("ZREM", ready, place)
  call("HSET", group_key(gid), "place", "", "turn", whole(call("INCR", PREFIX .. "turn")))
  count(gid, {waiting = -#items, running = #items})
  return gid, items
end

for _, gid in ipairs(call("ZRANGEBYSCORE", PREFIX .. "due", "-inf", whole(now), "LIMIT", 0, 20)) do
  promote(gid)
end
local answer = {"ok", "-1"}
while want > 0 do
  local place = call("ZRANGE", ready, 0, 0)[1]
  if not place then break end
  local gid, items = take(place)
  if #items == 0 then break end
  answer[#answer + 1], answer[#answer + 2] = gid, items
  want = want - #items
end
if want > 0 then call("SET", PREFIX .. "hungry", 1) end
local first = call("ZRANGE", PREFIX .. "due", 0, 0, "WITHSCORES")
if first[2] then answer[2] = whole(math.max(first[2] - now, 0)) end
return answer
