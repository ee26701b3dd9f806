-- SPDX-License-Identifier: MIT
--
-- Reads LuaLS annotations (lua/taskpool/meta/pool.lua) for the reference.
--
--     local found = require("annotations").read "lua/taskpool/meta/pool.lua"
--     found.functions["TaskPool:apply"].text       "Runs `func` in …"
--     found.classes["taskpool.Pool"].fields        { { name = "size", type = "number", text = "…" }, … }
--
-- A function's comment has paragraphs. The first one tells what it does. One that begins with "Raises" tells its
-- errors. Lines that are indented are examples: one in Lua, and commands of a session that begin with "> ".

local annotations = {}

---@class Annotated
---@field text string what it does
---@field raises? string
---@field example? string in Lua
---@field commands string[]
---@field parameters table<string, string> texts by name
---@field types table<string, string> their types by name
---@field names string[] the parameters of the function below the comment
---@field returns? { type: string, text: string }

---@class AnnotatedClass
---@field parents string
---@field fields { name: string, optional: boolean, type: string, text: string }[]

---Splits a type from the text after it. A type has no blanks, except in braces and after a comma.
local function split_type(rest)
  local at = 1
  while true do
    local stop = rest:match("^[^%s{<(]*[{<(]?()", at)
    local opening = rest:sub(stop - 1, stop - 1)
    if not opening:find "[{<(]" then
      return rest:sub(1, stop - 1), rest:sub(stop):match "^%s*(.*)$"
    end
    at = select(2, rest:find(({ ["{"] = "%b{}", ["<"] = "%b<>", ["("] = "%b()" })[opening], stop - 1)) + 1
  end
end

---Adds a tag, such as `@param name? type text`, to what is being read.
local function read_tag(comment, tag, rest)
  if tag == "param" then
    local name, more = rest:match "^(%S-)%??%s+(.*)$"
    comment.types[name], comment.parameters[name] = split_type(more)
  elseif tag == "return" then
    local kind, text = split_type(rest)
    comment.returns = { type = kind, text = text }
  elseif tag == "async" then
    comment.waits = true
  end
end

---Adds a field, such as `name? type text`, to a class. Private ones, and those of elements, are left out.
local function read_field(class, rest)
  local field, mark, more = rest:match "^([%w_]+)(%??)%s+(.*)$"
  if field and field ~= "private" then
    local kind, text = split_type(more)
    table.insert(class.fields, { name = field, optional = mark == "?", type = kind, text = text })
  end
end

---Adds a line of text to the last paragraph, or an example.
local function read_text(comment, line)
  local example = line:match "^    (.*)$"
  if line == "" then
    comment.paragraphs[#comment.paragraphs + 1] = ""
  elseif example and example:find "^> " then
    comment.commands[#comment.commands + 1] = example:sub(3)
  elseif example then
    comment.example = example
  else
    local last = #comment.paragraphs
    comment.paragraphs[last] = (comment.paragraphs[last] .. " " .. line):gsub("^ ", "")
  end
end

local function new_comment()
  return { paragraphs = { "" }, commands = {}, parameters = {}, types = {}, names = {} }
end

---Tells the paragraphs of a comment apart, and adds the names of the function's parameters.
local function finish(comment, names)
  for name in names:gmatch "[^%s,]+" do
    table.insert(comment.names, name)
  end
  for _, paragraph in ipairs(comment.paragraphs) do
    local raises = paragraph:match "^Raises (.*)$"
    if raises then
      comment.raises = raises
    elseif paragraph ~= "" then
      comment.text = comment.text and comment.text .. "\n\n" .. paragraph or paragraph
    end
  end
  return comment
end

---@param path string
---@return { functions: table<string, Annotated>, classes: table<string, AnnotatedClass> }
function annotations.read(path)
  local found = { functions = {}, classes = {} }
  local comment, class = new_comment(), nil
  for line in io.lines(path) do
    local tag, rest = line:match "^%-%-%-@(%l+)%s*(.*)$"
    local name, names = line:match "^function ([%w_:.]+)%((.-)%)"
    if tag == "class" then
      local class_name, parents = rest:match "^([%w.]+):?%s*(.*)$"
      class = { parents = parents, fields = {}, text = comment.paragraphs[1] }
      found.classes[class_name] = class
    elseif tag == "field" then
      read_field(class, rest)
    elseif tag then
      read_tag(comment, tag, rest)
    elseif line:find "^%-%-%-" then
      read_text(comment, line:sub(4))
    else
      found.functions[name or ""] = finish(comment, names or "")
      comment = new_comment()
    end
  end
  return found
end

return annotations
