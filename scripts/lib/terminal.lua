-- SPDX-License-Identifier: MIT
--
-- Draws text as a picture of a terminal, an SVG that can be read on any background.
--
--     require("terminal").draw { "$ command", "answer", "> typed", "Code: message" }
local terminal = {}

local FONT_SIZE <const>, CHARACTER <const>, LINE <const>, MARGIN <const> = 13, 7.8, 18, 18

local STYLE <const> = [[
<style>
  rect { fill: #1d2433; }
  text { fill: #c8d0de; font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  .prompt { fill: #6fb3ff; }
  .typed { fill: #ffffff; font-weight: 600; }
  .note { fill: #8a94a6; }
  .error { fill: #ff8f8f; }
</style>
]]

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

---A piece of a line that begins at `column`. Its length is given, so that columns stand in every font.
local function piece(column, row, class, text)
  local characters = utf8.len(text)
  if characters == 0 then
    return ""
  end
  return ('<text x="%.1f" y="%d" textLength="%.1f" class="%s" xml:space="preserve">%s</text>\n'):format(
    MARGIN + column * CHARACTER, MARGIN + row * LINE - (LINE - FONT_SIZE), characters * CHARACTER, class,
    (text:gsub("[&<>]", escapes)))
end

---A line as SVG: a prompt and what is typed, an error, or an answer.
local function draw_line(row, line)
  local prompt, typed = line:match "^([%w-]*[$>]) (.*)$"
  if prompt then
    return piece(0, row, "prompt", prompt) .. piece(#prompt + 1, row, "typed", typed)
  end
  local class = line:find "^%u%a+: " and "error" or line:find "^Connected to " and "note" or "answer"
  return piece(0, row, class, line)
end

---@param lines string[]
---@return string svg
function terminal.draw(lines)
  local columns = 0
  for _, line in ipairs(lines) do
    columns = math.max(columns, utf8.len(line))
  end
  local width, height = math.ceil(columns * CHARACTER) + 2 * MARGIN, #lines * LINE + 2 * MARGIN
  local parts = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">\n'):format(
      width, height, width, height),
    STYLE,
    ('<rect width="%d" height="%d" rx="10"/>\n'):format(width, height),
  }
  for row, line in ipairs(lines) do
    parts[#parts + 1] = draw_line(row, line)
  end
  parts[#parts + 1] = "</svg>\n"
  return table.concat(parts)
end

return terminal
