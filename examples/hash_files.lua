-- SPDX-License-Identifier: MIT
-- Hashes all regular files below a directory, on all cores.
--
--     taskpool run examples/hash_files.lua DIR [THREADS]
--
-- Prints what `find DIR -type f -exec sha256sum {} + | LC_ALL=C sort -k2` prints, byte for byte. The tasks run in
-- threads, each with a Lua state of its own, so the function is given by its name. What cannot be read is reported on
-- stderr, and makes the exit code 1.
local taskpool = require "taskpool"
local uv = require "luv"

-- Threads look for modules where this script does.
package.path = (arg[0]:match "^(.*/)" or "./") .. "?.lua;" .. package.path

local failed = false

local function complain(message)
  failed = true
  io.stderr:write(message, "\n")
end

---Calls `visit(path)` for each regular file below `directory`.
local function walk(directory, visit)
  local entries, message = taskpool.await(uv.fs_scandir, directory)
  if not entries then
    return complain(message)
  end
  for name, kind in uv.fs_scandir_next, entries do
    local path = directory .. "/" .. name
    if kind == "directory" then
      walk(path, visit)
    elseif kind == "file" then
      visit(path)
    end
  end
end

---A line such as sha256sum writes it. Backslashes and line breaks of a name are escaped; then a backslash begins the
---line.
local function line_of(path, hash)
  local escaped = path:gsub("[\\\n\r]", { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r" })
  return ("%s%s  %s"):format(escaped ~= path and "\\" or "", hash, escaped), escaped
end

local function main(directory, threads)
  if not directory then
    error("usage: hash_files.lua DIR [THREADS]", 0)
  end
  local paths, lines, keys = {}, {}, {}
  walk(directory, function(path)
    paths[#paths + 1] = path
  end)
  local pool = taskpool.TaskPool { executor = "thread", threads = math.tointeger(tonumber(threads)) }
  pool:map("mypackage.hashing.sha256", paths, {
    num_concurrent = 1000,
    end_callback = function(id, ok, hash, message)
      if ok and hash then
        local line, key = line_of(paths[id + 1], hash)
        lines[#lines + 1], keys[line] = line, key
      else
        complain(message or tostring(hash))
      end
    end,
  })
  pool:gather_and_close { return_exceptions = true }
  table.sort(lines, function(a, b)
    return keys[a] < keys[b]
  end)
  lines[#lines + 1] = ""
  io.stdout:write(table.concat(lines, "\n"))
end

taskpool.run(main, ...)
if failed then
  os.exit(1, true)
end
