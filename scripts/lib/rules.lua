-- SPDX-License-Identifier: MIT
--
-- The rules of the house that a script can check; scripts/lint calls it with the build directory.
--
--   arrows   a part includes only what it may: lib -> server -> command -> binding -> thread -> host -> exec -> pool;
--            value is below exec and what uses it; base is below all, and the only one that client, engine and pool
--            see; program is above all, and main.c sees only that
--   foreign  neither lua.h nor uv.h can be reached from src/base/, src/pool/ and src/client/, nor lua.h from
--            src/engine/
--   state    no object has a variable that can change (needs a build)
--   quiet    no object calls exit, abort or what prints to stdout (needs a build)
--   floors   no files of a part call each other in a circle (needs a build)
--   prefix   an exported function or variable is called tp_<file>… or tp_<part>_<file>…, so that its name says where it
--            is; but for those of taskpool.h, whose names are the user's (needs a build)
--   licence  each source says under which licence it stands
--
-- To add a rule: a function below and its line in `rules`. It calls report(file, text) for what is wrong.

local build = arg[1] or "build"
local failures = 0

local function report(file, text)
  failures = failures + 1
  print(file .. ": " .. text)
end

-- Which parts each part may include, beside its own. The arrows are followed all the way down.
local may_include = {
  main = {"program"},
  program = {"lib", "server", "client", "binding", "thread", "host", "exec", "pool", "value", "base"},
  lib = {"server", "binding", "thread", "host", "exec", "pool", "value", "base"},
  server = {"command", "binding", "thread", "host", "exec", "pool", "value", "base"},
  client = {"base"},
  command = {"binding", "value", "base"},
  binding = {"thread", "host", "exec", "pool", "value", "base"},
  thread = {"host", "exec", "pool", "value", "base"},
  host = {"exec", "pool", "value", "base"},
  engine = {"base"},
  exec = {"pool", "value", "base"},
  pool = {"base"},
  value = {"base"},
  base = {},
}

-- Headers that the bookkeeping of pools, the client and engines must not see, directly or through another header.
local foreign = {["lua.h"] = true, ["lauxlib.h"] = true, ["lualib.h"] = true, ["luv.h"] = true, ["uv.h"] = true}

-- Functions of the C library that a library must not call.
local loud = {"abort", "exit", "_exit", "quick_exit", "printf", "__printf_chk", "puts", "putchar", "perror"}

---Calls `visit` with each line that the shell command prints.
local function each_line(command, visit)
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do visit(line) end
end

---All files below the directories, sorted, whose names end as one of the `ends`.
local function files(directories, ends)
  local found = {}
  each_line("find " .. directories .. " -type f | sort", function(path)
    for _, suffix in ipairs(ends) do
      if path:sub(-#suffix) == suffix then found[#found + 1] = path end
    end
  end)
  return found
end

---The headers that a file includes, as a list of {name=, ours=}.
local function includes(path)
  local list = {}
  for line in io.lines(path) do
    local open, name = line:match('^%s*#%s*include%s*([<"])([^>"]+)')
    if name then list[#list + 1] = {name = name, ours = open == '"'} end
  end
  return list
end

---The part that a file below src/ belongs to.
local function part_of(path)
  return path:match("^src/([%w_]+)/") or path:match("^src/([%w_]+)%.c$")
end

local function allowed(part, other)
  if part == other then return true end
  for _, name in ipairs(may_include[part] or {}) do
    if name == other then return true end
  end
  return false
end

local function check_arrows()
  for _, path in ipairs(files("src", {".c", ".h"})) do
    local part = part_of(path)
    if not may_include[part] then report(path, "belongs to no known part") end
    for _, header in ipairs(includes(path)) do
      local other = header.name:match("^([%w_]+)/")
      if header.ours and header.name ~= "taskpool.h" and not allowed(part, other) then
        report(path, ("%s must not include %s"):format(part, header.name))
      end
    end
  end
end

---Reports the ways from `path` to a foreign header; `trail` is the way so far. A header in `allows` is none.
local function follow(path, trail, seen, allows)
  for _, header in ipairs(includes(path)) do
    local name = header.name:match("[^/]+$")
    if foreign[name] and not allows[name] then report(trail, "reaches " .. header.name) end
    local target = "src/" .. header.name
    if header.ours and header.name:find("/") and not seen[target] then
      seen[target] = true
      follow(target, trail .. " -> " .. header.name, seen, allows)
    end
  end
end

local function check_foreign()
  for _, path in ipairs(files("src/base src/pool src/client", {".c", ".h"})) do follow(path, path, {}, {}) end
  for _, path in ipairs(files("src/engine", {".c", ".h"})) do follow(path, path, {}, {["uv.h"] = true}) end
end

---Calls `visit(object, line)` with each line that `tool` prints about the objects of the library.
local function each_symbol(tool, visit)
  local library, object = build .. "/libtaskpool.a", "?"
  local file <close> = io.open(library)
  if not file then return end
  each_line(("%s '%s' 2>/dev/null"):format(tool, library), function(line)
    object = line:match("^([%w_]+)%.c%.o:") or object
    visit(object .. ".c", line)
  end)
end

local function check_state()
  each_symbol("objdump -t", function(object, line)
    local section, name = line:match("%sO%s+(%.[%w_.]+)%s+%x+%s+(.+)$")
    if section and (section:find("^%.bss") or section == ".data" or section:find("^%.t?data%.local")) then
      report(object, "has the variable " .. name:gsub("^%.hidden ", ""))
    end
  end)
end

local function check_quiet()
  each_symbol("nm -u", function(object, line)
    local called = line:match("^%s+U ([%w_]+)$")
    for _, name in ipairs(loud) do
      if called == name then report(object, "calls " .. name) end
    end
  end)
end

-- Parts that do not follow these two rules yet.
local without_floors = {}
local without_prefix = {}

---The objects of the build whose sources are there, as {source = {defines = {name…}, calls = {name…}}}; a source is
---written as "pool/queue".
local function read_objects()
  local objects = {}
  local command = "find '%s/CMakeFiles' -path '*.dir/src/*' -name '*.c.o' -exec nm -A {} + 2>/dev/null"
  for _, path in ipairs(files("src", {".c"})) do
    local source = path:match("^src/(.+/.+)%.c$")
    if source then objects[source] = {defines = {}, calls = {}} end
  end
  each_line(command:format(build), function(line)
    local source, kind, name = line:match("%.dir/src/([%w_]+/[%w_/]+)%.c%.o:%x*%s+(%a) ([%w_]+)$")
    local object = objects[source]
    if object and kind == "U" then table.insert(object.calls, name) end
    if object and kind:match("[TDBRV]") then table.insert(object.defines, name) end
  end)
  return objects
end

local function part_of_source(source)
  return source:match("^[^/]+")
end

---Which sources of its own part each source calls, as {source = {other = a name that it calls}}.
local function read_calls()
  local objects, where, calls = read_objects(), {}, {}
  for source, object in pairs(objects) do
    for _, name in ipairs(object.defines) do where[name] = source end
  end
  for source, object in pairs(objects) do
    calls[source] = {}
    for _, name in ipairs(object.calls) do
      local other = where[name]
      local is_near = other and other ~= source and part_of_source(other) == part_of_source(source)
      if is_near then calls[source][other] = name end
    end
  end
  return calls
end

---The shortest circle of calls through a source, as a list that ends with it; nil: there is none.
local function find_circle(calls, start)
  local came_from, queue = {}, {start}
  for _, source in ipairs(queue) do
    for other in pairs(calls[source]) do
      if not came_from[other] then
        came_from[other] = source
        queue[#queue + 1] = other
      end
    end
  end
  if not came_from[start] then return nil end
  local circle = {start}
  while came_from[circle[1]] ~= start do table.insert(circle, 1, came_from[circle[1]]) end
  return circle
end

local function check_floors()
  local calls = read_calls()
  for source in pairs(calls) do
    local circle = not without_floors[part_of_source(source)] and find_circle(calls, source)
    local caller, words = source, {}
    for _, called in ipairs(circle or {}) do
      words[#words + 1] = ("%s in %s.c"):format(calls[caller][called], called)
      caller = called
    end
    if circle then report("src/" .. source .. ".c", "calls in a circle: " .. table.concat(words, ", ")) end
  end
end

---The names that taskpool.h declares.
local function read_public()
  local public = {}
  for line in io.lines("include/taskpool.h") do
    for name in line:gmatch("(tp_[%w_]+)%(") do public[name] = true end
  end
  return public
end

local function check_prefix()
  local public = read_public()
  for source, object in pairs(read_objects()) do
    local part, file = source:match("^([^/]+)/([^/]+)$")
    for _, name in ipairs(object.defines) do
      local is_checked = name:find("^tp_") and not public[name] and not without_prefix[part]
      if is_checked and not name:find("^tp_" .. file) and not name:find("^tp_" .. part .. "_" .. file) then
        report("src/" .. source .. ".c", ("exports %s; its name must begin with tp_%s"):format(name, file))
      end
    end
  end
end

local function check_licence()
  for _, path in ipairs(files("include src lua examples spec", {".c", ".h", ".lua"})) do
    local file <close> = assert(io.open(path))
    if not (file:read(300) or ""):find("SPDX-License-Identifier: MIT", 1, true) then
      report(path, "has no SPDX line at its head")
    end
  end
end

local rules = {check_arrows, check_foreign, check_state, check_quiet, check_floors, check_prefix, check_licence}

for _, rule in ipairs(rules) do rule() end
os.exit(failures == 0, true)
