-- SPDX-License-Identifier: MIT
-- What editors are told is what there is: every public name has an annotation, with its parameters, and no annotation
-- is of something else. The names come from the table of methods and from what the modules have.
package.path = "scripts/lib/?.lua;" .. package.path
local annotations = require "annotations"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local core = require "taskpool.core"

local build = os.getenv "BUILD" or "build"
local pools = annotations.read "lua/taskpool/meta/pool.lua"
local of_core = annotations.read "lua/taskpool/meta/core.lua"

---The names of a table, sorted; those that begin with `__` are not public.
local function names_of(what)
  local names = {}
  for name in pairs(what) do
    if not name:find "^__" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

---The functions of a class or module: "Pool:apply" is `apply` of "Pool".
local function functions_of(found, owner)
  local functions = {}
  for name, notes in pairs(found.functions) do
    local member = name:match("^" .. owner .. "[.:]([%w_]+)$")
    functions[member or ""] = notes
  end
  functions[""] = nil
  return functions
end

---The public fields in the annotation of a class.
local function fields_of(found, class)
  local fields = {}
  for _, field in ipairs(assert(found.classes["taskpool." .. class], class).fields) do
    fields[field.name] = field
  end
  return fields
end

---The options in the annotation of a class and of its parent.
local function options_of(class)
  local fields = fields_of(pools, class)
  local parent = pools.classes["taskpool." .. class].parents:match "taskpool%.(%w+)"
  for name, field in pairs(parent and options_of(parent) or {}) do
    fields[name] = field
  end
  return fields
end

---Raises where a function is not described, or a parameter of it.
local function assert_described(functions)
  for name, notes in pairs(functions) do
    assert.is_truthy(notes.text or notes.raises, name)
    for _, parameter in ipairs(notes.names) do
      assert.is_truthy(notes.types[parameter], name .. ": " .. parameter)
    end
    for parameter in pairs(notes.types) do
      assert.is_truthy(table.concat(notes.names, " "):find(parameter, 1, true), name .. ": " .. parameter)
    end
  end
end

---The table of methods, by the classes that have them.
local function methods_by_class()
  local classes = { [1] = "TaskPool", [2] = "SimpleTaskPool", [3] = "Pool" }
  local methods = { TaskPool = {}, SimpleTaskPool = {}, Pool = {} }
  for _, method in ipairs(assert(load(program.run({ file = build .. "/docs/methods" }).out))()) do
    if method.of == "pool" then
      methods[classes[method.on]][method.name] = method
    end
  end
  return methods
end

---Raises where the options of a method are not the fields of the class that its last parameter has.
local function assert_options(method, notes)
  local options = {}
  for _, param in ipairs(method.params) do
    if param.kind == "option" then
      options[param.name] = param
    end
  end
  local class = notes.names[1] and notes.types[notes.names[#notes.names]]:match "taskpool%.(%a+Options)"
  if next(options) or class then
    assert.are.same(names_of(options), names_of(options_of(assert(class, method.name))), method.name)
  end
end

describe("the definitions for editors", function()
  local methods = methods_by_class()

  for class in pairs(methods) do
    it(("have the methods and properties of %s"):format(class), function()
      local functions, fields = functions_of(pools, class), fields_of(pools, class)
      assert_described(functions)
      for name, method in pairs(methods[class]) do
        if method.property then
          assert.is_truthy(fields[name], name)
        else
          assert_options(method, assert(functions[name], name))
        end
        fields[name], functions[name] = nil, nil
      end
      assert.are.same({}, names_of(functions))
      assert.are.same({}, names_of(fields))
    end)
  end

  it("have what the core has", function()
    local functions = functions_of(of_core, "core")
    for name, notes in pairs(functions_of(pools, "core")) do
      functions[name] = notes
    end
    assert_described(functions)
    for name in pairs(fields_of(of_core, "Core")) do
      functions[name] = true
    end
    assert.are.same(names_of(core), names_of(functions))
  end)

  it("have what a future has", function()
    local functions = functions_of(pools, "Future")
    assert_described(functions)
    local future = core.run(function()
      return core.start(function() end)
    end)
    assert.are.same(names_of(debug.getmetatable(future).__index), names_of(functions))
  end)

  it("have what a control server has", function()
    local directory = program.make_directory()
    local server = taskpool.control.serve { unix = directory .. "/socket" }
    local control = annotations.read "lua/taskpool/control.lua"
    assert.are.same(names_of(getmetatable(server).__index), names_of(fields_of(control, "Server")))
    server:close()
    program.remove_directory(directory)
    assert.are.same({ "connect", "schema", "serve" }, names_of(taskpool.control))
  end)

  it("have the parts of taskpool that are loaded when they are first used", function()
    local fields = fields_of(annotations.read "lua/taskpool/init.lua", "Module")
    local text = program.read_file "lua/taskpool/init.lua"
    for name in text:match("LATER <const> = (%b{})"):gmatch "([%w_]+) = {" do
      assert.is_truthy(fields[name], name)
    end
  end)

  for _, class in ipairs { "Queue", "Event", "Semaphore" } do
    it(("have the methods of %s"):format(class), function()
      local path = "taskpool." .. class:lower()
      local functions = functions_of(annotations.read(package.searchpath(path, package.path)), class)
      for name in pairs(functions) do
        functions[name] = not name:find "^__" and functions[name] or nil
      end
      assert_described(functions)
      local public = {}
      for name, value in pairs(require(path)) do
        public[name] = type(value) == "function" or nil
      end
      assert.are.same(names_of(public), names_of(functions))
    end)
  end

  it("have the functions for specs", function()
    local functions = functions_of(annotations.read "lua/taskpool/testing.lua", "testing")
    assert_described(functions)
    assert.are.same(names_of(require "taskpool.testing"), names_of(functions))
  end)

  it("have the levels and fields of the log", function()
    local fields = fields_of(annotations.read "lua/taskpool/log.lua", "Log")
    assert.are.same({ "debug", "error", "handler", "info", "level", "warning" }, names_of(fields))
  end)

  it("have the codes of errors, with their meanings", function()
    local codes, known = {}, {}
    for name, meaning in program.read_file("include/taskpool.h"):gmatch "X%([%u_]+, (%a+)%)%s+/%* (.-) %*/" do
      codes[name] = meaning
    end
    for name, meaning in program.read_file("lua/taskpool/meta/core.lua"):gmatch '\n%-%-%-| "(%a+)" # ([^\n]+)' do
      known[name] = meaning
    end
    assert.is_truthy(codes.PoolIsClosed)
    assert.are.same(codes, known)
  end)
end)
