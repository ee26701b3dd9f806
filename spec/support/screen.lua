-- SPDX-License-Identifier: MIT
--
-- A program at a terminal of a given size, as tmux makes it: what is typed goes in, and what the screen shows is waited
-- for, never slept for.
--
--     local screen <close> = screens.open({ program.path, "control", "unix", path }, { width = 40 })
--     screen:wait_for "> "
--     screen:type("groups", "Enter")
--     assert.are.equal(expected, screen:text())
local program = require "spec.support.program"
local uv = require "luv"

local screens = {}

---So often the screen is looked at.
local LOOK_MS <const> = 20

---@class Screen
---@field private socket string of a tmux server of its own
---@field private directory string that it is in
local Screen = {}
Screen.__index = Screen

---Text as one word for sh.
local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---Runs tmux with these arguments; returns what it prints.
function Screen:tmux(...)
  local done = program.run { file = "tmux", "-S", self.socket, "-f", "/dev/null", ... }
  if done.code ~= 0 then
    error(("tmux %s: %s"):format(table.concat({ ... }, " "), done.err), 0)
  end
  return done.out
end

---Opens a terminal in which a command runs. When it has ended, the screen shows "[exit CODE]".
---@param words string[] the command
---@param options? { width?: integer, height?: integer, env?: table<string, string> }
---@return Screen
function screens.open(words, options)
  options = options or {}
  local directory = program.make_directory()
  local self = setmetatable({ directory = directory, socket = directory .. "/tmux" }, Screen)
  local line = { "env", "LC_ALL=C.UTF-8", "HOME=" .. quote(directory), "XDG_STATE_HOME=" .. quote(directory) }
  for name, value in pairs(options.env or {}) do
    line[#line + 1] = name .. "=" .. quote(value)
  end
  for _, word in ipairs(words) do
    line[#line + 1] = quote(word)
  end
  local command = ("stty -echoctl; %s; echo \"[exit $?]\"; exec cat"):format(table.concat(line, " "))
  local width, height = tostring(options.width or 80), tostring(options.height or 24)
  self:tmux("-u", "new-session", "-d", "-x", width, "-y", height, command)
  return self
end

---The lines of the screen without blanks at their ends, and without empty lines at its end.
---@param styled? boolean with the sequences of colours
---@return string
function Screen:text(styled)
  local text = self:tmux("capture-pane", "-p", styled and "-e" or "-J")
  return (text:gsub("[ ]+\n", "\n"):gsub("\n+$", ""))
end

---Types keys by their names for tmux, or text.
function Screen:type(...)
  self:tmux("send-keys", ...)
end

---Pastes a text, as a person does with a mouse.
---@param text string
function Screen:paste(text)
  self:tmux("set-buffer", "--", text)
  self:tmux "paste-buffer"
end

---Changes the size of the terminal.
function Screen:resize(width, height)
  self:tmux("resize-window", "-x", tostring(width), "-y", tostring(height))
end

---Waits until the screen shows what `is_there(text)` looks for, or this text; returns the screen.
---@param wish string|fun(text: string): any
---@return string
function Screen:wait_for(wish)
  local text, looked
  local function is_there()
    if looked and uv.now() - looked < LOOK_MS then
      return false
    end
    text, looked = self:text(), uv.now()
    if type(wish) == "string" then
      return text:find(wish, 1, true)
    end
    return wish(text)
  end
  program.run_until(is_there, function()
    return ("the screen does not show %s, but:\n%s"):format(tostring(wish), text)
  end)
  return text
end

---Ends the program and its terminal.
function Screen:close()
  program.run { file = "tmux", "-S", self.socket, "kill-server" }
  program.run { file = "rm", "-rf", self.directory }
end

Screen.__close = Screen.close

return screens
