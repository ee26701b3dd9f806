-- SPDX-License-Identifier: MIT
--
-- Takes off one member whose lease is over. Answers with how many items it held.
local mid = call("ZRANGEBYSCORE", PREFIX .. "members", "-inf", "(" .. whole(now), "LIMIT", 0, 1)[1]
return {"ok", whole(mid and end_member(mid, true) or 0)}
