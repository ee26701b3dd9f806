-- SPDX-License-Identifier: MIT
-- Counts the lines of all regular files below a directory, several files at a time.
--
--     taskpool run examples/count_lines.lua DIR [TASKS]
--
-- Prints what `find DIR -type f -print0 | xargs -0 cat | wc -l` prints, and the number of files. The tree
-- is walked only as far as there are free tasks for its files. Symbolic links are not followed. What cannot be read is
-- reported on stderr and counted.
local taskpool = require "taskpool"
local uv = require "luv"

local CHUNK <const> = 64 * 1024

local total = { lines = 0, files = 0, errors = 0 }

local function complain(message)
  total.errors = total.errors + 1
  io.stderr:write(message, "\n")
end

---The kind of a directory's entry, also if the file system does not tell it.
local function kind_of(path, kind)
  if kind and kind ~= "unknown" then
    return kind
  end
  local status, message = taskpool.await(uv.fs_lstat, path)
  if not status then
    complain(message)
    return nil
  end
  return status.type
end

---An iterator over the paths of all regular files below `root`. It waits for the disk like a task.
local function walk(root)
  local directories = { root } -- not yet read
  local directory, entries -- the one that is being read

  local function next_directory()
    directory = table.remove(directories)
    if directory then
      local message
      entries, message = taskpool.await(uv.fs_scandir, directory)
      if not entries then
        complain(message)
      end
    end
    return directory
  end

  local function next_entry()
    local name, kind = uv.fs_scandir_next(entries)
    if not name then
      entries = nil
      return nil
    end
    local path = directory .. "/" .. name
    return path, kind_of(path, kind)
  end

  return function()
    while entries or next_directory() do
      local path, kind
      if entries then
        path, kind = next_entry()
      end
      if kind == "file" then
        return path
      elseif kind == "directory" then
        directories[#directories + 1] = path
      end
    end
    return nil
  end
end

local function count_newlines(text)
  local count, find = 0, string.find
  local position = find(text, "\n", 1, true)
  while position do
    count = count + 1
    position = find(text, "\n", position + 1, true)
  end
  return count
end

---Opens a file for reading; the end of the handle's scope closes it.
local function open(path)
  local descriptor, message = taskpool.await(uv.fs_open, path, "r", 0)
  if not descriptor then
    return nil, message
  end
  return setmetatable({ descriptor = descriptor }, {
    __close = function(self)
      uv.fs_close(self.descriptor)
    end,
  })
end

local function count_file(path)
  local file <close>, message = open(path)
  if not file then
    return complain(message)
  end
  local lines = 0
  repeat
    local chunk
    chunk, message = taskpool.await(uv.fs_read, file.descriptor, CHUNK, -1)
    if not chunk then
      return complain(path .. ": " .. message)
    end
    lines = lines + count_newlines(chunk)
  until #chunk < CHUNK
  total.files = total.files + 1
  total.lines = total.lines + lines
end

local function main(directory, tasks)
  if not directory then
    error("usage: count_lines.lua DIR [TASKS]", 0)
  end
  local pool = taskpool.TaskPool {}
  pool:map(count_file, walk(directory), { num_concurrent = tonumber(tasks or 16) })
  pool:gather_and_close()
  print(("%d lines in %d files, %d errors"):format(total.lines, total.files, total.errors))
end

taskpool.run(main, ...)
