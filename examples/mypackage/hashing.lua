-- SPDX-License-Identifier: MIT
-- Digests of files, for tasks that run in threads; see examples/hash_files.lua. Needs the Debian package lua-luaossl.
local digest = require "openssl.digest"

local CHUNK <const> = 256 * 1024

local hashing = {}

local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

---The SHA-256 digest of a file, in hexadecimal digits; nil and a message if it cannot be read.
function hashing.sha256(path)
  local file <close>, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local sum = digest.new "sha256"
  repeat
    local chunk, problem = file:read(CHUNK)
    if problem then
      return nil, path .. ": " .. problem
    end
    sum:update(chunk or "")
  until not chunk
  return hex(sum:final())
end

return hashing
