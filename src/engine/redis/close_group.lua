-- SPDX-License-Identifier: MIT
--
-- A group takes no more items. ARGV: group.
local state = call("HGET", group_key(ARGV[1]), "state")
if not state then return {"missing"} end
if state == OPEN then
  call("HSET", group_key(ARGV[1]), "state", CLOSED)
  count(ARGV[1], {})
end
return {"ok"}
