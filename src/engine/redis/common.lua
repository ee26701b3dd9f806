-- SPDX-License-Identifier: MIT
--
-- What the scripts of a Redis engine share; it stands before each of them. They run in the server, which has Lua 5.1.
--
-- KEYS[1] begins the names of all keys of the pool, KEYS[2] is the channel of its events. A script answers with a list:
-- "ok" and what its head says, or the name of a refusal (query.h). Times are milliseconds since 1970 by the server's
-- clock. The keys:
--
--   ids, turn     counters: the last number of a group, the last turn
--   groups        sorted set: the numbers of groups
--   n:NAME        the number of the group of that name
--   g:GID         hash: what a group is and how far it is; `place` is its entry in `ready`, or ""
--   q:GID         list: items that wait; an item is its number (8 bytes), how often it has failed (1), how often its
--                 member was lost (1), and its arguments
--   due:GID, due  sorted sets: delayed items by their times, and the groups that have such by the first of these
--   ready         sorted set: TURN:GID of the groups with work and room, by weight
--   members       sorted set: members by the ends of their leases; m:MID hash: what they say of themselves
--   run:MID       hash: GID:NUMBER (8 bytes) to item, what a member holds
--   res:GID       stream: an entry for each batch of outcomes; of each its number, ending (1 byte), length (4), bytes
--   dead, record  sorted set and hash: GID:NUMBER of dead items by their order, and to their records
--   hungry        is there when a claim has found less than it wanted

local PREFIX, CHANNEL = KEYS[1], KEYS[2]
local call = redis.call
local clock = call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local OPEN, CLOSED, CANCELLED = "0", "1", "2"
local OK, FAILED, HOPELESS, STOPPED, UNSTARTED = "0", "1", "2", "3", "4"
local RECORDED, DEAD, RETRIED, LOST = "0", "1", "2", "3"
local KEEP_NONE, KEEP_ALL = "0", "2"

---The text of a whole number.
local function whole(number)
  return ("%.0f"):format(number)
end

local function group_key(gid)
  return PREFIX .. "g:" .. gid
end

---Tells all members: w work, c cancel, e end, l low.
local function tell(event, gid)
  call("PUBLISH", CHANNEL, event .. gid)
end

---Tells members that have found nothing to claim again, now or to learn when something will be due.
local function wake()
  if call("DEL", PREFIX .. "hungry") == 1 then tell("w", "0") end
end

---Calls a command with many values, in parts that the stack has room for.
local function each_part(command, key, values)
  for first = 1, #values, 1000 do
    call(command, key, unpack(values, first, math.min(first + 999, #values)))
  end
end

---Lets go of what is known of a group: it is over, and has no dead items.
local function expire(gid, name, ttl)
  local wait = math.floor(ttl * 1000)
  for _, key in ipairs({group_key(gid), PREFIX .. "res:" .. gid, PREFIX .. "n:" .. name}) do
    if wait > 0 then call("PEXPIRE", key, whole(wait)) else call("UNLINK", key) end
  end
end

---Puts a group among the ready ones, or takes it out.
local function offer(gid, waiting, running, limit, place, weight, turn)
  local is_ready = waiting > 0 and (limit == 0 or running < limit)
  if is_ready and place == "" then
    place = ("%016.0f:%s"):format(turn, gid)
    call("ZADD", PREFIX .. "ready", weight, place)
    call("HSET", group_key(gid), "place", place)
    wake()
  elseif not is_ready and place ~= "" then
    call("ZREM", PREFIX .. "ready", place)
    call("HSET", group_key(gid), "place", "")
  end
end

---Changes the counts of a group by those of a table, tells when few items wait, and ends it when all have ended.
local function count(gid, change)
  local key = group_key(gid)
  for field, by in pairs(change) do
    if by ~= 0 then call("HINCRBY", key, field, whole(by)) end
  end
  local g = call("HMGET", key, "waiting", "running", "limit", "place", "weight", "turn", "state", "low", "ended",
    "total", "ok", "failed", "cancelled", "dead", "ttl", "name")
  local waiting, low = tonumber(g[1]), tonumber(g[8])
  offer(gid, waiting, tonumber(g[2]), tonumber(g[3]), g[4], g[5], tonumber(g[6]))
  if g[7] ~= CANCELLED and waiting <= low and waiting - (change.waiting or 0) > low then tell("l", gid) end
  local is_over = g[9] ~= "0"
  if not is_over and g[7] ~= OPEN and g[11] + g[12] + g[13] >= tonumber(g[10]) then
    call("HSET", key, "ended", whole(now))
    tell("e", gid)
    is_over = true
  end
  if is_over and g[14] == "0" then expire(gid, g[16], tonumber(g[15])) end
end

---What is to be written for a group when a script is done: its counts, results, and items that go back.
local function open_tally(tallies, gid)
  local tally = tallies[gid]
  if tally == nil then
    local g = call("HMGET", group_key(gid), "state", "keep", "retries", "pause", "pause_max", "losses_max")
    tally = g[1] and {
      gid = gid, state = g[1], keep = g[2], retries = tonumber(g[3]), pause = tonumber(g[4]),
      pause_max = tonumber(g[5]), losses_max = tonumber(g[6]),
      change = {}, results = {}, front = {}, back = {}, due = {},
    }
    tallies[gid] = tally
  end
  return tally
end

local function add(tally, field, by)
  tally.change[field] = (tally.change[field] or 0) + by
end

---Counts an item that has ended, and keeps its outcome if the group keeps such.
local function end_item(tally, item, ending, bytes)
  local is_failure = ending == FAILED or ending == HOPELESS
  add(tally, ending == OK and "ok" or is_failure and "failed" or "cancelled", 1)
  if tally.keep == KEEP_ALL or is_failure and tally.keep ~= KEEP_NONE then
    tally.results[#tally.results + 1] = item:sub(1, 8) .. struct.pack(">BI4", tonumber(ending), #bytes) .. bytes
  end
end

---Puts an item on the dead list.
local function bury(tally, field, item, bytes)
  call("ZADD", PREFIX .. "dead", call("INCR", PREFIX .. "turn"), field)
  call("HSET", PREFIX .. "record", field, struct.pack(">I4", #item) .. item .. struct.pack(">I8", now) .. bytes)
  add(tally, "dead", 1)
end

---Writes the delayed items of a group, pairs of time and item.
local function delay(gid, due)
  local first
  for i = 1, #due, 2 do
    call("ZADD", PREFIX .. "due:" .. gid, whole(due[i]), due[i + 1])
    first = math.min(first or due[i], due[i])
  end
  if first then
    call("ZADD", PREFIX .. "due", "LT", whole(first), gid)
    wake()
  end
end

---Writes what was tallied.
local function close_tally(tally)
  local gid = tally.gid
  table.sort(tally.front, function(a, b)
    return a > b -- the first is pushed last; an item begins with its number
  end)
  each_part("LPUSH", PREFIX .. "q:" .. gid, tally.front)
  each_part("RPUSH", PREFIX .. "q:" .. gid, tally.back)
  delay(gid, tally.due)
  if #tally.results > 0 then
    local entry = call("HINCRBY", group_key(gid), "results", 1)
    call("XADD", PREFIX .. "res:" .. gid, whole(entry) .. "-0", "r", table.concat(tally.results))
  end
  add(tally, "waiting", #tally.front + #tally.back)
  add(tally, "delayed", #tally.due / 2)
  count(gid, tally.change)
end

local function close_tallies(tallies)
  for _, tally in pairs(tallies) do
    if tally then close_tally(tally) end
  end
end

---What becomes of an item whose member is gone.
local function release(tally, field, item, is_lost)
  add(tally, "running", -1)
  local losses = item:byte(10) + (is_lost and 1 or 0)
  item = item:sub(1, 9) .. string.char(losses) .. item:sub(11)
  if tally.state == CANCELLED then
    end_item(tally, item, STOPPED, "")
  elseif losses <= tally.losses_max or not is_lost then
    tally.front[#tally.front + 1] = item
  else
    local bytes = "its members were lost too often"
    bury(tally, field, item, bytes)
    end_item(tally, item, HOPELESS, bytes)
  end
end

---Takes a member off. Returns how many items it held.
local function end_member(mid, is_lost)
  local key, tallies = PREFIX .. "run:" .. mid, {}
  local held = call("HGETALL", key)
  for i = 1, #held, 2 do
    local tally = open_tally(tallies, held[i]:match("^(%d+):"))
    if tally then release(tally, held[i], held[i + 1], is_lost) end
  end
  call("UNLINK", key, PREFIX .. "m:" .. mid)
  call("ZREM", PREFIX .. "members", mid)
  close_tallies(tallies)
  return #held / 2
end

local function is_member(mid)
  return call("ZSCORE", PREFIX .. "members", mid)
end

---What find_group and groups answer of a group; nil: there is none.
local function describe(gid)
  local g = call("HMGET", group_key(gid), "name", "token", "function", "detail", "weight", "limit", "retries",
    "losses_max", "pause", "pause_max", "low", "keep", "ttl", "state", "total", "waiting", "delayed", "running", "ok",
    "failed", "cancelled", "dead", "created", "ended")
  if not g[1] then return nil end
  table.insert(g, 1, gid)
  return g
end
