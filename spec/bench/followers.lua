-- SPDX-License-Identifier: MIT
--
-- Clients that follow the events of a host, and read them, while a command measures something.
--
--   lua5.4 followers.lua PATH CLIENTS PROGRAM [ARG…]

local uv = require "luv"

local path, clients = arg[1], math.tointeger(arg[2])
local begun = 0

local function measure()
  uv.spawn(arg[3], {args = table.pack(table.unpack(arg, 4)), stdio = {nil, 1, 2}}, function(code)
    os.exit(code == 0)
  end)
end

---Reads all that comes; the answer to the first line says that the client is served.
local function read(_, bytes)
  assert(bytes, "the host has gone")
end

for _ = 1, clients do
  local pipe = uv.new_pipe()
  pipe:connect(path, function(failure)
    assert(not failure, failure)
    pipe:write '{"reply": "json"}\nevents\n'
    pipe:read_start(function(failed, bytes)
      assert(not failed and bytes, failed)
      pipe:read_stop()
      pipe:read_start(read)
      begun = begun + 1
      if begun == clients then
        measure()
      end
    end)
  end)
end
uv.run()
