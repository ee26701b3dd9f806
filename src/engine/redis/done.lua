-- SPDX-License-Identifier: MIT
--
-- What came of items. ARGV: member, then for each its GID:NUMBER, ending and bytes. Answers with a digit for each: what
-- was made of it.
local run = PREFIX .. "run:" .. ARGV[1]
if not is_member(ARGV[1]) then return {"gone"} end

---Puts a failed item back, to be tried again.
local function retry(tally, item, tries)
  item = item:sub(1, 8) .. string.char(tries) .. item:sub(10)
  local pause = math.min(tally.pause * 2 ^ (tries - 1), tally.pause_max)
  if pause <= 0 then
    tally.back[#tally.back + 1] = item
  else
    tally.due[#tally.due + 1] = now + math.ceil(pause * 1000)
    tally.due[#tally.due + 1] = item
  end
  return RETRIED
end

---A failed item is tried again, or it has failed for good.
local function fail(tally, field, item, ending, bytes)
  local tries = item:byte(9) + 1
  if tally.state ~= CANCELLED and ending == FAILED and tries <= tally.retries then return retry(tally, item, tries) end
  end_item(tally, item, ending, bytes)
  if tally.state == CANCELLED then return RECORDED end
  bury(tally, field, item:sub(1, 8) .. string.char(math.min(tries, 255)) .. item:sub(10), bytes)
  return DEAD
end

---What is made of an item that the member holds.
local function take(tally, field, item, ending, bytes)
  add(tally, "running", -1)
  if ending == FAILED or ending == HOPELESS then return fail(tally, field, item, ending, bytes) end
  if ending == UNSTARTED and tally.state ~= CANCELLED then
    tally.front[#tally.front + 1] = item
    return RETRIED
  end
  end_item(tally, item, ending == UNSTARTED and STOPPED or ending, bytes)
  return RECORDED
end

local fields, taken, fates, tallies = {}, {}, {}, {}
for i = 2, #ARGV, 3 do fields[#fields + 1] = ARGV[i] end
local items = call("HMGET", run, unpack(fields))
for i, field in ipairs(fields) do
  local item = items[i] and not taken[field] and items[i]
  local tally = item and open_tally(tallies, field:match("^(%d+):"))
  fates[i] = tally and take(tally, field, item, ARGV[3 * i], ARGV[3 * i + 1]) or LOST
  taken[field] = true
end
call("HDEL", run, unpack(fields))
close_tallies(tallies)
return {"ok", table.concat(fates)}
