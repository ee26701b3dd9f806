-- SPDX-License-Identifier: MIT
-- What the documents say is true: their commands and code are run, their tables are compared with their sources.
--
-- How it reads a page, README.md or one of docs/:
--
--   console   `$ ` begins a command for sh; what follows `> ` or `POOL> ` is typed into the command above it; the
--             rest is what is said. A block that ends in `...` shows a program that goes on: it is left
--             running until the end of the page.
--   lua       a script; `--> ` is what it prints, `...` in it any text. Without a `require` of its own it
--             finds `taskpool` as a local.
--   c         the code of examples/embed/minimal.c
--
-- docs/methods.md and docs/pictures/session.svg are compared with what scripts/docs writes now.
--
-- "build" is the build under test and "/tmp/" a private directory. Times of day count as equal, and so do
-- numbers of five digits and more.
local program = require "spec.support.program"
local uv = require "luv"

local build = assert(uv.fs_realpath(os.getenv "BUILD" or "build"))

---These build, test or measure the project as a whole: it is only seen that they are there.
local WHOLE <const> = { ["scripts/demo"] = true, ["scripts/test"] = true, ["cmake -S"] = true }

---The page whose examples scripts/docs has run.
local WRITTEN <const> = "docs/methods.md"

---What the client says on a terminal only (prompt_spec.lua has it), where lines are typed.
local ON_TERMINAL <const> = { "^Connected to ", "^%-h lists the commands, exit leaves%.$", "^Disconnected from " }

-- ---- reading the page ----

---@class Block
---@field language string
---@field line integer where it begins
---@field lines string[]

---@param page string the path of the file
---@return Block[]
local function read_blocks(page)
  local blocks, block, number = {}, nil, 0
  for line in io.lines(page) do
    number = number + 1
    local language = line:match "^```(%l*)$"
    if block and language then
      block = nil
    elseif language then
      block = { language = language, line = number, lines = {} }
      blocks[#blocks + 1] = block
    elseif block then
      table.insert(block.lines, line)
    end
  end
  return blocks
end

---The cells of all table rows of the page whose first cell matches `first`.
local function read_rows(page, first)
  local rows = {}
  for line in io.lines(page) do
    local cells = {}
    for cell in line:gmatch "|%s*([^|]-)%s*%f[|]" do
      cells[#cells + 1] = cell
    end
    if cells[1] and cells[1]:find(first) then
      rows[#rows + 1] = cells
    end
  end
  return rows
end

local function is_on_terminal(line)
  for _, pattern in ipairs(ON_TERMINAL) do
    if line:find(pattern) then
      return true
    end
  end
  return false
end

---A command of a console block.
---@class Step
---@field command string
---@field typed string[]
---@field said string[]

---@param block Block
---@return Step[]
local function read_steps(block)
  local steps = {}
  for _, line in ipairs(block.lines) do
    local command, typed = line:match "^%$ (.*)$", line:match "^[%w-]*> (.*)$"
    local step = steps[#steps]
    if command then
      steps[#steps + 1] = { command = command, typed = {}, said = {} }
    elseif typed then
      table.insert(step.typed, typed)
    elseif not is_on_terminal(line) then
      table.insert(step.said, line)
    end
  end
  return steps
end

-- ---- comparing ----

---What `status` measures is another time another figure.
local MEASURED <const> = { ["ended-per-s"] = true, uptime = true, ["latency-p50-ms"] = true, ["latency-p99-ms"] = true,
  ["latency-max-ms"] = true, memory = true, ["lua-memory"] = true, lua = true, libuv = true }

local function without_measure(name, blanks)
  return MEASURED[name] and name .. blanks .. "NUMBER" or nil
end

---The page shows tables as on a terminal; a pipe has tabs between their cells.
local function without_columns(text)
  return (text:gsub("(%S)  +", "%1\t"))
end

local function without_figures(text)
  return (text:gsub("%d%d%d%d%-%d%d%-%d%d[ T]%d%d:%d%d:%d%d%.%d%d%d", "TIME"):gsub("in %d+ files", "in NUMBER files")
    :gsub("%d%d%d%d%d+", "NUMBER"):gsub("([%l%d-]+)( +)([%d.]+)", without_measure))
end

---A pattern for the lines. `...` at the end is anything, behind a colon anything on the line.
local function pattern_of(lines)
  local text = without_columns(without_figures(table.concat(lines, "\n")))
  text = text:gsub("%p", "%%%0"):gsub("\n%%%.%%%.%%%.$", ".*"):gsub(":%%%.%%%.%%%.", ":[^\n]*")
  return "^" .. text .. "$"
end

---Raises what is different where `text` is not what the lines show.
local function assert_says(lines, text, where)
  text = without_columns(without_figures(text)):gsub("\n$", "")
  if not text:find(pattern_of(lines)) then
    assert.are.equal(table.concat(lines, "\n"), text, where)
  end
end

---Defines the specs of what a page shows.
---@param page string the path of the file
local function describe_page(page)
  local directory
  local left_running = {}

  setup(function()
    directory = program.make_directory()
  end)

  teardown(function()
    for _, process in ipairs(left_running) do
      process:stop()
    end
    program.run { file = "rm", "-r", directory }
  end)

  ---Puts our places for those of the page.
  local function here(text)
    return (text:gsub("/tmp/", directory .. "/"):gsub("%$PWD/build", build):gsub(" build%f[ %z]", " " .. build))
  end

  ---Starts a command under sh, both outputs in one.
  local function start(command)
    local prelude = "exec 2>&1; "
    if uv.fs_stat(build .. "/sanitized") then
      prelude = prelude .. 'cc() { command cc -fsanitize=address,undefined "$@"; }; '
    end
    if command:find "^taskpool [^;|]*$" then
      prelude = prelude .. "exec "
    end
    return program.start { file = "sh", "-c", prelude .. here(command) }
  end

  local function run_step(step, where)
    if WHOLE[step.command:match "^%S+ ?%-?%u?"] then
      return
    end
    local said = {}
    for index, line in ipairs(step.said) do
      said[index] = here(line)
    end
    local process = start(step.command)
    if said[#said] == "..." then
      left_running[#left_running + 1] = process
      for index = 1, #said - 1 do -- the log and the output of a script are two streams: in any order
        process:wait_for(said[index]:match "%a.*$", 1) -- behind the time
      end
      return
    end
    for _, line in ipairs(step.typed) do
      process:write(line .. "\n")
    end
    process:close()
    assert_says(said, process:finish().out, where)
  end

  local blocks = read_blocks(page)
  for _, block in ipairs(blocks) do -- before all others: the host that they start ends after half a minute
    if block.language == "console" then
      it(("says what the commands of line %d say"):format(block.line), function()
        for _, step in ipairs(read_steps(block)) do
          run_step(step, ("%s:%d: %s"):format(page, block.line, step.command))
        end
      end)
    end
  end

  for _, block in ipairs(blocks) do
    if block.language == "lua" then
      it(("says what the script of line %d prints"):format(block.line), function()
        local text, printed = table.concat(block.lines, "\n"), {}
        for _, line in ipairs(block.lines) do
          printed[#printed + 1] = line:match "^%-%-> (.*)$"
        end
        if not text:find 'local taskpool = require "taskpool"' then
          text = 'local taskpool = require "taskpool" ' .. text
        end
        local path = program.write_file(directory .. "/block.lua", text .. "\n")
        local done = program.run { "run", path }
        assert.are.equal("", done.err)
        assert_says(printed, done.out, page .. ":" .. block.line)
      end)
    elseif block.language == "c" then
      it("shows code of an example in C, line " .. block.line, function()
        local code, found = table.concat(block.lines, "\n") .. "\n", false
        for name in uv.fs_scandir_next, uv.fs_scandir "examples/embed" do
          found = found or program.read_file("examples/embed/" .. name):find(code, 1, true) ~= nil
        end
        assert.is_true(found)
      end)
    end
  end

end

---The anchors of the headings of a page. One that is there twice leads to the first.
local function read_anchors(page)
  local anchors = {}
  for line in io.lines(page) do
    local heading = line:match "^##+ (.*)$"
    local anchor = heading and heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
    assert.is_nil(anchor and anchors[anchor], page .. ": two headings " .. (heading or ""))
    anchors[anchor or ""] = true
  end
  return anchors
end

---Defines the spec of where a page leads.
local function describe_links(page)
  it("links to what is there", function()
    for target, anchor in program.read_file(page):gmatch "%]%(([^)#]*)#?([^)]*)%)" do
      local path = target == "" and page or (page:match "^.*/" or "") .. target
      assert.is_truthy(target:find "^https://" or uv.fs_stat(path), target)
      assert.is_truthy(anchor == "" or read_anchors(path)[anchor], target .. "#" .. anchor)
    end
  end)
end

---All pages, README.md first.
local function read_pages()
  local pages = { "README.md", "CONTRIBUTING.md", "SECURITY.md" }
  local folder = assert(uv.fs_scandir "docs")
  for name in uv.fs_scandir_next, folder do
    pages[#pages + 1] = name:find "%.md$" and "docs/" .. name or nil
  end
  return pages
end

for _, page in ipairs(read_pages()) do
  describe(page, function()
    if page ~= WRITTEN then
      describe_page(page)
    end
    describe_links(page)
  end)
end

describe("the documents", function()
  it("begin with a README of at most 150 lines", function()
    local _, lines = program.read_file("README.md"):gsub("\n", "\n")
    assert.is_true(lines <= 150, lines .. " lines")
  end)

  it("name the two scripts that can be run", function()
    local page = program.read_file "README.md"
    for script in pairs { ["scripts/demo"] = 1, ["scripts/test"] = 1 } do
      assert.is_truthy(page:find("\n    " .. script, 1, true))
      assert.is_true(uv.fs_access(script, "x"))
    end
  end)

  it("list the codes of errors with their meanings", function()
    local listed = {}
    for _, cells in ipairs(read_rows("docs/errors.md", "^`%u%a+`$")) do
      listed[cells[1]:sub(2, -2)] = cells[2]
    end
    local codes = {}
    local header = program.read_file "include/taskpool.h"
    for name, meaning in header:gmatch "X%([%u_]+, (%a+)%)%s+/%* (.-) %*/" do
      codes[name] = meaning
    end
    assert.is_truthy(codes.PoolIsClosed)
    assert.are.same(codes, listed)
  end)

  it("tell of each function that Lua finds, and of each method", function()
    local taskpool = require "taskpool"
    local page = program.read_file "docs/workers.md" .. program.read_file "docs/pools.md"
    for name in pairs(taskpool) do
      assert.is_truthy(page:find("taskpool." .. name .. "%f[^%w_]"), name)
    end
    for _, class in ipairs { "Queue", "Event", "Semaphore" } do
      local row = page:match("\n| `taskpool%." .. class .. "%([^\n]*")
      for name, value in pairs(require("taskpool." .. class:lower())) do
        if type(value) == "function" and not name:find "^__" and name ~= "new" then
          assert.is_truthy(row:find("%f[%w_]" .. name .. "%f[^%w_]"), name)
        end
      end
    end
  end)
end)

describe("what scripts/docs writes", function()
  local directory

  setup(function()
    directory = program.make_directory()
    local done = program.run { file = "scripts/docs", "--built", directory, env = { BUILD = build } }
    assert.are.equal("", done.err)
    assert.are.equal(0, done.code)
  end)

  teardown(function()
    program.run { file = "rm", "-r", directory }
  end)

  for _, name in ipairs { "methods.md", "pictures/session.svg" } do
    it(("is in docs/%s"):format(name), function()
      local written, kept = program.read_file(directory .. "/" .. name), program.read_file("docs/" .. name)
      assert.is_true(written == kept, ("docs/%s is out of date; run scripts/docs"):format(name))
    end)
  end
end)

describe("the picture of the benchmark", function()
  it("shows the figures of docs/benchmarks.md", function()
    local expected, shown = {}, {}
    local plot = program.run { file = "sh", "-c", "lua5.4 scripts/lib/plot.lua <docs/benchmarks.md" }
    assert.are.equal("", plot.err)
    for figure in plot.out:gmatch "\n%d+ %S+ (%d+%.%d+)" do
      expected[#expected + 1] = figure
    end
    for figure in program.read_file("docs/pictures/benchmark.svg"):gmatch ">(%d+%.%d+)</tspan>" do
      shown[#shown + 1] = figure
    end
    assert.are.equal(11, #expected)
    assert.are.same(expected, shown)
  end)
end)

describe("the page on the architecture", function()
  ---What stands in backquotes and matches.
  local function quoted(pattern)
    return program.read_file("docs/architecture.md"):gmatch("`(" .. pattern .. ")`")
  end

  it("names each file of each folder", function()
    local page = program.read_file "docs/architecture.md"
    for folder, kind in
      function(found)
        return uv.fs_scandir_next(found)
      end,
      uv.fs_scandir "src"
    do
      assert.is_truthy(page:find("\n| `" .. folder .. (kind == "directory" and "/" or "") .. "` ", 1, true), folder)
      local names = page:match("\n### " .. folder .. "\n\n(.-)\n\n")
      for file in
        function(found)
          return found and uv.fs_scandir_next(found)
        end,
        kind == "directory" and uv.fs_scandir("src/" .. folder) or nil
      do
        assert.is_truthy(names:find("`" .. file:match "^[%w_]+" .. "`", 1, true), folder .. "/" .. file)
      end
    end
  end)

  it("names files and functions that are there", function()
    for file in quoted "[%w_./]+/[%w_]+%.%l+" do
      assert.is_truthy(uv.fs_stat("src/" .. file), file)
    end
    local pipe <close> = assert(io.popen "cat src/*/*.[ch] include/taskpool.h")
    local sources = pipe:read "a"
    for name in quoted "[%l]+_[%l_]+" do
      assert.is_truthy(sources:find("%f[%w_]" .. name .. "%f[^%w_]"), name)
    end
  end)
end)

describe("the demo", function()
  it("plays to its end and leaves nothing behind", function()
    local directory = program.make_directory()
    local done = program.run {
      file = "lua5.4",
      "scripts/lib/play.lua",
      env = { PACE = "0.05", TMPDIR = directory },
    }
    assert.are.equal("", done.err)
    assert.are.equal(0, done.code)
    assert.is_nil(done.out:find "\27")
    local _, lines = done.out:gsub("\n", "\n")
    assert.is_true(lines <= 50, lines .. " lines")
    for line in done.out:gmatch "[^\n]+" do
      assert.is_true(#line <= 80 or line:find "^  %$" ~= nil, line)
    end
    assert.is_truthy(done.out:find "\n  > apply mypackage.mymodule.spin %-g stuck\n  stuck\n")
    assert.is_truthy(done.out:find "\n  > traceback 2\n  function at [%w./]+mymodule.lua:%d+\n")
    assert.is_truthy(done.out:find "\n  > num%-running\n  2\n")
    assert.is_truthy(done.out:find "\n  78498 primes in [%d.]+ seconds\n")
    assert.is_truthy(done.out:find "lua trivial list [%d ]+\n  %d+\n")
    program.remove_directory(directory)
  end)

  it("ends everything at ^C", function()
    local directory = program.make_directory()
    local process = program.start { file = "lua5.4", "scripts/lib/play.lua", env = { TMPDIR = directory } }
    process:wait_for "\n  listening on "
    local socket = process.out:match "control_server.lua (%S+) &"
    process:kill "sigint"
    assert.are.equal(130, process:finish().code)
    assert.is_nil(uv.fs_stat(socket))
    program.remove_directory(directory)
  end)
end)
