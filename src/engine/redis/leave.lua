-- SPDX-License-Identifier: MIT
--
-- Takes a member off. ARGV: member. Answers with how many items it held.
return {"ok", whole(end_member(ARGV[1], false))}
