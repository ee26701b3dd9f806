-- SPDX-License-Identifier: MIT
-- A job with a time limit must end by it or for lack of memory, but never run on without it.
local taskpool = require "taskpool"

arm()
local future = start_limited(0.0005, taskpool.sleep, 0.05)
check(not pcall(future.await, future), "a job does not run on without its time limit")
start_limited(math.huge, taskpool.sleep, 0.001):await()
