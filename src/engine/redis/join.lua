-- SPDX-License-Identifier: MIT
--
-- Enters a member, or renews its lease. ARGV: member, lease in milliseconds, host, version, pid, size, running, rate.
call("ZADD", PREFIX .. "members", whole(now + ARGV[2]), ARGV[1])
call("HSET", PREFIX .. "m:" .. ARGV[1], "host", ARGV[3], "version", ARGV[4], "pid", ARGV[5], "size", ARGV[6], "running",
  ARGV[7], "rate", ARGV[8])
return {"ok"}
