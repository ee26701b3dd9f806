-- SPDX-License-Identifier: MIT
--
-- Reads a table of scripts/bench from stdin, alone or in a page, and prints how gnuplot draws it. It is called
-- by scripts/bench:
--
--     lua5.4 scripts/lib/plot.lua <docs/benchmarks.md | gnuplot >docs/pictures/benchmark.svg
--
-- Shown are the tasks a second of each work in `works`, ours beside the baselines. The colours are of a middle tone
-- and there is no background, so that the picture can be read on white and on black.

---The bars of each work: name, colour, and how the baseline begins in the table; ours has none.
local bars = {
  { "bare C loop", "#8c959f", "^bare C loop" },
  { "taskpool", "#2f81f7" },
  { "scheduler in Lua", "#8f63d2", "^pure Lua, [oc]" },
  { "Python asyncio", "#c8851c", "^Python asyncio" },
}

---The works that are shown: as the table calls them, and as the picture does.
local works = {
  { "map, trivial, from a list", "do nothing" },
  { "map, one yield in each task", "yield once" },
  { "map, sleep(0.001), 10 000 at once", "sleep, 10 000 at once" },
}

local INK <const> = "#7d8590"

local PREAMBLE <const> = [[
set terminal svg size 760,330 font "sans-serif,13"
set border 1 linecolor rgb "INK"
set title "million tasks a second, in one thread" textcolor rgb "INK"
set key outside bottom center horizontal Left reverse textcolor rgb "INK" samplen 1 width -3
set style fill solid noborder
set boxwidth 0.9
unset ytics
set xtics scale 0 textcolor rgb "INK"
set yrange [0:*]
set offsets 0, 0, graph 0.08, 0
]]

---The number of a cell, which has blanks between its digits.
local function number_of(cell)
  return tonumber((cell:gsub("%s", "")))
end

---The cells of a row. At least two blanks are between them.
local function split(line)
  local cells = {}
  for cell in (line .. "  "):gmatch "(%S.-)%s%s+" do
    cells[#cells + 1] = cell
  end
  return cells
end

---The figures of the table: { [work] = { ours = …, { baseline, value }, … } }. A row that begins with blanks has one
---more baseline of the work above.
local function read_table()
  local figures, of = {}, nil
  for line in io.lines() do
    local cells = split(line)
    if line:find "^%S" and cells[2] then
      of = { ours = number_of(table.remove(cells, 2)) }
      figures[table.remove(cells, 1)] = of
    end
    if of and cells[2] and number_of(cells[2]) then
      of[#of + 1] = cells
    end
  end
  return figures
end

---The figure of a bar for a work, in millions; nil if it has none.
local function figure_of(figures, pattern)
  if not pattern then
    return figures.ours / 1e6
  end
  for _, row in ipairs(figures) do
    if row[1]:find(pattern) then
      return number_of(row[2]) / 1e6
    end
  end
  return nil
end

local figures = read_table()
local data, ticks, plots = {}, {}, {}
for index, work in ipairs(works) do
  local left = (index - 1) * (#bars + 1)
  ticks[index] = ('"%s" %g'):format(work[2], left + (#bars - 1) / 2)
  local of = assert(figures[work[1]], "the table has no row " .. work[1])
  for bar_index, bar in ipairs(bars) do
    local value = figure_of(of, bar[3])
    data[bar_index] = data[bar_index] or {}
    if value then
      table.insert(data[bar_index], ("%d %g %s"):format(left + bar_index - 1, value,
        (value < 1 and "%.2f" or "%.1f"):format(value)))
    end
  end
end

io.stdout:write((PREAMBLE:gsub("INK", INK)), "set xtics (", table.concat(ticks, ", "), ")\n")
for index, bar in ipairs(bars) do
  io.stdout:write("$bar", index, " << END\n", table.concat(data[index], "\n"), "\nEND\n")
  plots[#plots + 1] = ('$bar%d using 1:2 with boxes linecolor rgb "%s" title "%s"'):format(index, bar[2], bar[1])
  plots[#plots + 1] = ('$bar%d using 1:2:3 with labels offset 0,0.6 textcolor rgb "%s" notitle'):format(index, bar[2])
end
io.stdout:write("plot ", table.concat(plots, ", \\\n  "), "\n")
