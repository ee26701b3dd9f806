-- SPDX-License-Identifier: MIT
--
-- Writes docs/methods.md to stdout. scripts/docs calls it:
--
--     taskpool run --modules examples scripts/lib/reference.lua METHODS
--
-- METHODS is a file with what spec/support/methods.c prints: names, parameters, types and defaults come from the table
-- of methods itself. What else there is to say comes from the annotations in lua/taskpool/meta/pool.lua. The examples
-- there are run, each in a scene of its own, and the page shows their answers.
--
-- A new method needs a place in `subjects`, and an annotation.
package.path = arg[0]:match "^(.*/)" .. "?.lua;examples/?.lua;" .. package.path
local annotations = require "annotations"
local scenes = require "scenes"
local taskpool = require "taskpool"

local annotated = annotations.read "lua/taskpool/meta/pool.lua"

local INTRODUCTION <const> = [[
# Methods and commands

<!-- Written by scripts/docs; do not edit. -->

Each method of a pool is also a command at a [control port](control.md), spelled with `-` for `_`. In Lua, options go
into one table after the other arguments: `pool:stop(1)`, `pool:cancel(3, { msg = "enough" })`. At the port they are
words: `stop 1`, `cancel 3 -m enough`. [pools.md](pools.md) explains pools, groups and queueing.

Wrong use raises an error table with `code` and `message` ([errors.md](errors.md)); at the port the answer is
`CODE: message`. Any method raises `InvalidArgument` for an argument of the wrong type or range. A method that waits
must be called in a task; at the port it holds only its own session.
]]

local TYPES <const> = [[
## Types

| type | in Lua | as a command |
|---|---|---|
| function | a function, a table that can be called, or a name such as `"package.module.function"` | the name |
| iterable | a list, or whatever a `for` takes ([pools.md](pools.md)) | `['a', 2]`, or a name |
| list | a list | `[1, 'a']` or `{1, 'a'}` |
| table | a table with string keys | `{x = 1, y = 'a'}` or `{'x': 1, 'y': 'a'}` |
| integer | an integer | `-3` |
| count | an integer, 0 or more | `3` |
| size | an integer, 0 or more, or `math.huge` | `3`, `inf` |
| number | a number | `2.5` |
| seconds | a number, 0 or more | `0.5` |
| id | the id of a task, an integer | `17` |
| string | a string | a word, in quotes if it has blanks |
| target | the name of a group, or the id of a task | the same |
| policy | a table with string keys, or a number for its key `n` | `{n=3,backoff=1}`, `3` |
| flag | a boolean | the option is there or not |
]]

---The page: what stands in which part. A name in the form of "Class:name" is only in Lua.
local subjects = {
  { "Start work", "apply", "map", "starmap", "doublestarmap", "submit", "submit_nowait", "start" },
  { "Cancel tasks", "cancel", "cancel_group", "cancel_all", "stop", "stop_all" },
  { "Wait for tasks", "wait", "flush", "gather_and_close", "until_closed" },
  { "Look at a pool", "status", "groups", "tasks", "task", "results", "traceback", "get_group_ids", "func_name" },
  { "Counts", "num_running", "num_waiting", "num_cancelled", "num_ended", "num_ok", "num_failed", "num_cancelled_total",
    "num_timed_out", "num_retried" },
  { "Control a pool", "pool_size", "size", "scale", "is_full", "order", "queue_limit", "set_weight",
    "set_concurrency", "lock", "unlock", "is_locked", "pause", "resume", "paused", "is_closed" },
  { "Commands of the session", "pools", "use", "modules", "reload", "complete", "events", "profile", "interrupt",
    "auth", "ping", "help", "exit" },
}

---Examples of what has no annotation: the commands of a session, and properties that can be set.
local commands_of = {
  pools = { "pools" },
  use = { "use jobs" },
  modules = { "modules" },
  reload = { "reload mypackage.mymodule" },
  complete = { "complete map mypackage.ha" },
  events = {},
  profile = {},
  interrupt = { "interrupt" },
  auth = {},
  ping = { "ping" },
  help = {},
  exit = {},
  pool_size = { "pool-size", "pool-size 8" },
  size = { "size", "size inf" },
}

-- ---- small things ----

local function write(...)
  io.stdout:write(...)
end

---Text of a cell: bars would end it.
local function cell(text)
  return (text:gsub("|", "\\|"))
end

---A type of the annotations. Those that the page explains are links.
local function type_of(annotation)
  local name = annotation:match "^taskpool%.(%a+)"
  local text = "`" .. cell((annotation:gsub("taskpool%.", ""))) .. "`"
  return name and annotated.classes["taskpool." .. name] and ("[%s](#table-%s)"):format(text, name:lower()) or text
end

---Puts names of error codes into backquotes.
local function quote_codes(text)
  return (text:gsub("%f[%w`]%u%l+%u%w+", "`%0`"))
end

-- ---- parameters ----

---How a parameter is spelled at the port.
local function spell(param)
  local command = param.value or ""
  if param.long then
    command = "--" .. param.long .. (command ~= "" and " " .. command or "")
    command = (param.letter and "-" .. param.letter .. ", " or "") .. command
  end
  return command
end

---The default, and the help without it.
local function split_default(param)
  local help, default = param.help:match "^(.-)%s*%(default: (.-)%)$"
  if param.kind == "required" or param.kind == "rest" then
    default = "must be given"
  end
  return param.fallback or default or "none", help or param.help
end

local function is_option(param)
  return param.kind == "option" or param.kind == "trailing"
end

---Writes the table of parameters: arguments first, then options.
local function write_parameters(method)
  if #method.params == 0 then
    return
  end
  local in_lua = method.of == "pool"
  write("\n", in_lua and "| in Lua " or "", "| as a command | type | default | |\n")
  write(in_lua and "|---" or "", "|---|---|---|---|\n")
  for _, wanted in ipairs { false, true } do
    for _, param in ipairs(method.params) do
      if is_option(param) == wanted then
        local default, help = split_default(param)
        local kind = param.type == "name" and "string" or param.type
        local is_rest = param.kind == "rest" or param.kind == "any"
        local name = ("| `%s%s` "):format(param.name, is_rest and ", ..." or "")
        write(in_lua and name or "", ("| `%s` | %s | %s | %s |\n"):format(spell(param), kind, default, cell(help)))
      end
    end
  end
end

---The call in Lua: positional arguments, then options in braces.
local function signature(method)
  if method.property then
    return "pool." .. method.name
  end
  local words, options, rest = {}, {}, nil
  for _, param in ipairs(method.params) do
    if param.kind == "option" then
      options[#options + 1] = param.name
    elseif param.kind == "rest" or param.kind == "any" then
      rest = param.name .. ", ..."
    else
      words[#words + 1] = param.name
    end
  end
  words[#words + 1] = rest
  words[#words + 1] = options[1] and "{" .. table.concat(options, ", ") .. "}"
  return ("pool:%s(%s)"):format(method.name, table.concat(words, ", "))
end

-- ---- methods ----

local KINDS <const> = { "TaskPool", "SimpleTaskPool", "TaskPool, SimpleTaskPool" }

---The annotation of a method, or one made of the field of a property.
local function annotation_of(method)
  for _, class in ipairs { "Pool", "TaskPool", "SimpleTaskPool" } do
    local found = annotated.functions[class .. ":" .. method.name]
    if found then
      return found
    end
    for _, field in ipairs(annotated.classes["taskpool." .. class].fields) do
      if field.name == method.name and method.property then
        return {
          text = method.summary,
          example = "pool." .. method.name,
          commands = commands_of[method.name] or { (method.name:gsub("_", "-")) },
          returns = { type = field.type, text = "" },
        }
      end
    end
  end
  error("lua/taskpool/meta/pool.lua has no annotation of " .. method.name, 0)
end

---What a function returns: its name, its type, and what it is.
local function describe_return(returns)
  local words = { type_of(returns.type) }
  local name, text = returns.text:match "^(%S+)%s*(.*)$"
  if name then
    table.insert(words, 1, "`" .. name .. "`")
    words[#words + 1] = text ~= "" and text or nil
  end
  return table.concat(words, ", ")
end

---What is to be known of a method at a glance.
local function write_facts(method, notes)
  write "\n| | |\n|---|---|\n"
  write("| in Lua | `", signature(method), "` |\n")
  if method.property and #method.params > 0 then
    write("| | `pool.", method.name, " = ", method.params[1].name, "` |\n")
  end
  write("| as a command | `", cell(method.usage), "` |\n")
  if notes.returns then
    write("| returns | ", describe_return(notes.returns), " |\n")
  end
  if notes.raises then
    write("| raises | ", quote_codes(notes.raises:gsub("%.$", "")), " |\n")
  end
  if notes.waits then
    write "| waits | yes |\n"
  end
  write("| pools | ", KINDS[method.on], " |\n")
end

---An annotation tells the parameters that the table of methods has.
local function check_parameters(method, notes)
  for _, param in ipairs(method.params) do
    if not method.property and param.kind ~= "option" then
      assert(notes.parameters[param.name], ("the annotation of %s has no parameter %s"):format(method.name, param.name))
    end
  end
end

local function write_method(method)
  local notes = annotation_of(method)
  local class = method.on == 2 and "SimpleTaskPool" or "TaskPool"
  check_parameters(method, notes)
  write("\n### ", method.name, "\n\n", notes.text, "\n")
  write_facts(method, notes)
  write_parameters(method)
  write("\n```lua\n", scenes.run_lua(class, notes.example), "\n```\n")
  write("\n```console\n", (scenes.run_commands(class, notes.commands)), "\n```\n")
end

local function write_command(method)
  write("\n### ", method.name, "\n\n", method.summary, "\n\n| | |\n|---|---|\n")
  write("| as a command | `", cell(method.usage), "` |\n")
  write_parameters(method)
  if commands_of[method.name][1] then
    write("\n```console\n", (scenes.run_commands("TaskPool", commands_of[method.name])), "\n```\n")
  end
end

-- ---- what is only in Lua ----

---Writes the fields of classes that a caller gives, as one table.
local function write_options(classes)
  write "\n| | type | default | |\n|---|---|---|---|\n"
  for _, class in ipairs(classes) do
    for _, field in ipairs(annotated.classes["taskpool." .. class].fields) do
      local text, default = field.text:match "^(.-);? ?default: (.*)$"
      default = default or (field.optional and "none" or "must be given")
      write(("| `%s` | %s | %s | %s |\n"):format(field.name, type_of(field.type), default, cell(text or field.text)))
    end
  end
end

---Writes the fields of a class that a method returns.
local function write_fields(class)
  write "\n| | type | |\n|---|---|---|\n"
  for _, field in ipairs(annotated.classes["taskpool." .. class].fields) do
    local kind = type_of(field.type) .. (field.optional and " or nil" or "")
    write(("| `%s` | %s | %s |\n"):format(field.name, kind, cell(field.text)))
  end
end

---Writes how a pool is made: `inherited` are the classes of its options.
local function write_maker(name, call, inherited)
  write("\n### ", name, "\n\n", annotated.classes["taskpool." .. name].text, "\n\n```lua\n", call, "\n```\n")
  write_options(inherited)
end

local function write_makers()
  write "\n## Make a pool\n\nIn Lua only. All options may be left out.\n"
  write_maker("TaskPool", "local pool = taskpool.TaskPool { name = \"jobs\", size = 3 }",
    { "PoolOptions", "TaskPoolOptions" })
  write_maker("SimpleTaskPool", "local pool = taskpool.SimpleTaskPool(func, { args = { 1 }, size = 10 })",
    { "PoolOptions", "SimplePoolOptions" })
end

---The tables that methods take and return.
local GIVEN <const> = { "Retries", "Rate", "Autoscale" }
local RETURNED <const> = { "Status", "GroupStatus", "TaskStatus", "TaskRecord", "CancelRecord" }

local function write_tables()
  write "\n## Tables\n\nWhat methods take and return in Lua. At the port they are shown as text, or as JSON.\n"
  local function title(name)
    local text = annotated.classes["taskpool." .. name].text
    write("\n### Table ", name, "\n", text ~= "" and "\n" .. text .. "\n" or "")
  end
  for _, name in ipairs(GIVEN) do
    title(name)
    write_options { name }
  end
  for _, name in ipairs(RETURNED) do
    title(name)
    write_fields(name)
  end
end

local function write_future()
  write("\n### Table Future\n\n", annotated.classes["taskpool.Future"].text, "\n\n| | returns | |\n|---|---|---|\n")
  for _, call in ipairs { "await(seconds)", "done()", "cancel({msg, grace})", "set_weight(weight)" } do
    local notes = annotated.functions["Future:" .. call:match "^[%l_]+"]
    write(("| `future:%s` | %s | %s |\n"):format(call, describe_return(notes.returns), notes.text))
  end
end

-- ---- the page ----

---Links to sections whose anchors are `prefix` and the name.
local function link(names, prefix)
  local links = {}
  for index, name in ipairs(names) do
    links[index] = ("[%s](#%s%s)"):format(name, prefix, name:lower())
  end
  return table.concat(links, ", ")
end

local function write_contents()
  write("\n## Contents\n\n- **[Make a pool](#make-a-pool):** ", link({ "TaskPool", "SimpleTaskPool" }, ""), "\n")
  for _, subject in ipairs(subjects) do
    local anchor = subject[1]:lower():gsub(" ", "-")
    write(("- **[%s](#%s):** %s\n"):format(subject[1], anchor, link({ table.unpack(subject, 2) }, "")))
  end
  write("- **[Tables](#tables):** ", link(GIVEN, "table-"), ", ", link(RETURNED, "table-"), ", ")
  write("[Future](#table-future)\n")
  write "- **[Types](#types)**, and **[what the examples begin with](#what-the-examples-begin-with)**\n"
end

local function write_subjects(methods)
  for _, subject in ipairs(subjects) do
    write("\n## ", subject[1], "\n")
    for index = 2, #subject do
      local method = assert(methods[subject[index]], subject[index])
      methods[method.name] = nil
      if method.of == "pool" then
        write_method(method)
      else
        write_command(method)
      end
    end
  end
  local left = next(methods)
  assert(not left, ("scripts/lib/reference.lua has no place for %s"):format(left))
end

taskpool.run(function(path)
  local methods = {}
  for _, method in ipairs(assert(loadfile(path))()) do
    methods[method.name] = method
  end
  rawset(_G, "print", function() end) -- the workers say what they do
  taskpool.log.level = "none"
  write(INTRODUCTION)
  write_contents()
  write_makers()
  write_subjects(methods)
  write_tables()
  write_future()
  write("\n", TYPES)
  write("\n## What the examples begin with\n\nThose of a `TaskPool`:\n\n```lua\n", scenes.texts.TaskPool, "```\n")
  write("\nThose of a `SimpleTaskPool`:\n\n```lua\n", scenes.texts.SimpleTaskPool, "```\n")
  write "\nThe worker is in [examples/mypackage/mymodule.lua](../examples/mypackage/mymodule.lua).\n"
end, ...)
